<?php
// Reports what PHP gets; see echo_wsgi.py.
$path = explode('?', $_SERVER['REQUEST_URI'])[0];
file_put_contents($_SERVER['ECHO_LOG'], $_SERVER['REQUEST_METHOD'] . " $path\n", FILE_APPEND | LOCK_EX);
$kind = 'text/plain';
if ($path === '/early') {
	http_response_code(413);
	$body = 'too large';
} elseif (isset($_GET['b'])) {
	http_response_code((int)($_GET['s'] ?? '200'));
	$body = strtr($_GET['b'], ['~' => "\r\n"]);
} elseif (isset($_GET['n'])) {
	$body = 'page of ' . ($_SERVER['HTTP_TENANT'] ?? '-') . ' ' . $_GET['n'];
} else {
	$headers = [];
	foreach ($_SERVER as $name => $value)
		if (str_starts_with($name, 'HTTP_'))
			$headers[] = [strtolower(strtr(substr($name, 5), '_', '-')), latin1($value)];
	$kind = 'application/json';
	$body = json_encode([
		'method' => $_SERVER['REQUEST_METHOD'], 'target' => latin1($_SERVER['REQUEST_URI']), 'path' => latin1($_SERVER['PATH_INFO'] ?? ''),
		'script' => $_SERVER['SCRIPT_NAME'], 'scheme' => ($_SERVER['HTTPS'] ?? '') === 'on' ? 'https' : 'http',
		'client' => $_SERVER['REMOTE_ADDR'], 'headers' => $headers, 'body' => latin1(file_get_contents('php://input')),
	], JSON_THROW_ON_ERROR);
}
header("Content-Type: $kind");
if (!in_array(http_response_code(), [204, 304]))
	header('Content-Length: ' . strlen($body));
echo $body;

// Each byte becomes the character of that number: JSON has no bytes.
function latin1(string $bytes): string {
	return preg_replace_callback('/[\x80-\xff]/', fn($m) => chr(0xc0 | ord($m[0]) >> 6) . chr(0x80 | ord($m[0]) & 0x3f), $bytes);
}
