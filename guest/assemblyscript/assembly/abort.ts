import { Level, log } from "./host";
import { Text } from "./text";

/**
 * Logs a failed assertion or an error with its file and line, and fails the call. The option
 * `"use": ["abort=~lib/tenantedge/assembly/abort/abort"]` of asconfig.json puts it in place
 * of the import env.abort, which hosts do not have.
 */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const what = message == null ? "abort" : message;
  const where = file == null ? "unknown file" : file;
  log(Level.Error, Text.of("abort: " + what + " at " + where + ":" + line.toString() + ":" + column.toString()));
  unreachable();
}
