package files

import (
	"path"
	"strings"
)

// contentType is the type of a file by its name.
type contentType struct {
	value        []string // of Content-Type
	danger       danger
	compressible bool // may have a precompressed variant
}

// danger classifies what a file can do in a browser.
type danger uint8

const (
	harmless danger = iota
	document        // runs scripts when opened: HTML, SVG, XML
	script          // runs when another page loads it
)

const octets = "application/octet-stream"

// types is fixed, so that a file has the same type on every machine, whatever
// /etc/mime.types contains.
var types = map[string]contentType{
	".html": text("text/html; charset=utf-8"), ".htm": text("text/html; charset=utf-8"),
	".shtml": text("text/html; charset=utf-8"), ".xhtml": text("application/xhtml+xml"), ".xht": text("application/xhtml+xml"),
	".svg": text("image/svg+xml"), ".xml": text("text/xml; charset=utf-8"), ".xsl": text("text/xml; charset=utf-8"),
	".xslt": text("application/xslt+xml"), ".xsd": text("text/xml; charset=utf-8"), ".dtd": text("application/xml-dtd"),
	".rdf": text("application/rdf+xml"), ".mml": text("application/mathml+xml"), ".atom": text("application/atom+xml"),
	".rss": text("application/rss+xml"), ".kml": text("application/vnd.google-earth.kml+xml"), ".gpx": text("application/gpx+xml"),
	".svgz": active("image/svg+xml-compressed"), ".mht": active("multipart/related"), ".mhtml": active("multipart/related"),
	".eml": active("message/rfc822"), ".swf": active("application/x-shockwave-flash"),
	".js": text("text/javascript; charset=utf-8"), ".mjs": text("text/javascript; charset=utf-8"), ".cjs": text("text/javascript; charset=utf-8"),
	".css": text("text/css; charset=utf-8"), ".txt": text("text/plain; charset=utf-8"), ".text": text("text/plain; charset=utf-8"),
	".log": text("text/plain; charset=utf-8"), ".md": text("text/markdown; charset=utf-8"), ".csv": text("text/csv; charset=utf-8"),
	".tsv": text("text/tab-separated-values; charset=utf-8"), ".vtt": text("text/vtt; charset=utf-8"), ".ics": text("text/calendar; charset=utf-8"),
	".vcf": text("text/vcard; charset=utf-8"), ".yaml": text("application/yaml"), ".yml": text("application/yaml"),
	".json": text("application/json"), ".map": text("application/json"), ".geojson": text("application/geo+json"),
	".jsonld": text("application/ld+json"), ".webmanifest": text("application/manifest+json"), ".wasm": text("application/wasm"),
	".ttf": text("font/ttf"), ".otf": text("font/otf"), ".woff": plain("font/woff"), ".woff2": plain("font/woff2"), ".eot": text("application/vnd.ms-fontobject"),
	".png": plain("image/png"), ".apng": plain("image/apng"), ".jpg": plain("image/jpeg"), ".jpeg": plain("image/jpeg"),
	".gif": plain("image/gif"), ".webp": plain("image/webp"), ".avif": plain("image/avif"), ".heic": plain("image/heic"),
	".ico": text("image/vnd.microsoft.icon"), ".bmp": text("image/bmp"), ".tif": plain("image/tiff"), ".tiff": plain("image/tiff"),
	".mp3": plain("audio/mpeg"), ".m4a": plain("audio/mp4"), ".aac": plain("audio/aac"), ".oga": plain("audio/ogg"), ".ogg": plain("audio/ogg"),
	".opus": plain("audio/ogg"), ".flac": plain("audio/flac"), ".wav": plain("audio/wav"), ".weba": plain("audio/webm"),
	".mp4": plain("video/mp4"), ".m4v": plain("video/mp4"), ".mov": plain("video/quicktime"), ".ogv": plain("video/ogg"),
	".webm": plain("video/webm"), ".mkv": plain("video/x-matroska"), ".avi": plain("video/x-msvideo"), ".mpeg": plain("video/mpeg"),
	".m3u8": text("application/vnd.apple.mpegurl"), ".ts": plain("video/mp2t"),
	".pdf": plain("application/pdf"), ".rtf": text("application/rtf"), ".epub": plain("application/epub+zip"),
	".doc": plain("application/msword"), ".xls": plain("application/vnd.ms-excel"), ".ppt": plain("application/vnd.ms-powerpoint"),
	".docx": plain("application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
	".xlsx": plain("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
	".pptx": plain("application/vnd.openxmlformats-officedocument.presentationml.presentation"),
	".odt":  plain("application/vnd.oasis.opendocument.text"), ".ods": plain("application/vnd.oasis.opendocument.spreadsheet"),
	".odp": plain("application/vnd.oasis.opendocument.presentation"),
	".zip": plain("application/zip"), ".gz": plain("application/gzip"), ".tgz": plain("application/gzip"), ".bz2": plain("application/x-bzip2"),
	".xz": plain("application/x-xz"), ".zst": plain("application/zstd"), ".br": plain(octets), ".7z": plain("application/x-7z-compressed"),
	".rar": plain("application/vnd.rar"), ".tar": text("application/x-tar"),
}

func text(name string) contentType {
	essence, _, _ := strings.Cut(name, ";")
	return contentType{[]string{name}, dangerOf(essence), true}
}

func plain(name string) contentType  { return contentType{value: []string{name}} }
func active(name string) contentType { return contentType{value: []string{name}, danger: document} }

// unknown is the type of all other files.
var unknown = plain(octets)

// typeOf returns the type of a file by its name.
func typeOf(name string) contentType {
	ext := path.Ext(name)
	if t, ok := types[ext]; ok {
		return t
	}
	if t, ok := types[strings.ToLower(ext)]; ok {
		return t
	}
	return unknown
}
