package quart

import "strings"

// contentTypeOf returns the media type of a file by the extension of its name: from a table of our own, so that it is the same on every
// machine, unlike that of package mime, which reads the system's. What is not in it is application/octet-stream, which browsers
// save; the content is never looked at.
func contentTypeOf(name string) string {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 || len(name)-dot > 16 {
		return contentTypeBytes
	}
	if t := contentTypes[strings.ToLower(name[dot+1:])]; t != "" {
		return t
	}
	return contentTypeBytes
}

// compressible reports whether files of a type are worth a compressed sibling: text in the wider sense.
func compressible(contentType string) bool {
	switch contentType {
	case "application/json", "application/wasm", "application/xml", "application/pdf", "application/rtf",
		"application/vnd.ms-fontobject", "application/x-ndjson", "font/ttf", "font/otf", "image/bmp", "image/x-icon":
		return true
	}
	return strings.HasPrefix(contentType, "text/") || strings.HasSuffix(contentType, "+json") || strings.HasSuffix(contentType, "+xml")
}

// contentTypes has the registered names where there are such. Text types say that they are UTF-8.
var contentTypes = map[string]string{
	// text
	"css":      "text/css; charset=utf-8",
	"csv":      "text/csv; charset=utf-8",
	"htm":      "text/html; charset=utf-8",
	"html":     "text/html; charset=utf-8",
	"ics":      "text/calendar; charset=utf-8",
	"js":       "text/javascript; charset=utf-8",
	"log":      "text/plain; charset=utf-8",
	"markdown": "text/markdown; charset=utf-8",
	"md":       "text/markdown; charset=utf-8",
	"mjs":      "text/javascript; charset=utf-8",
	"text":     "text/plain; charset=utf-8",
	"tsv":      "text/tab-separated-values; charset=utf-8",
	"txt":      "text/plain; charset=utf-8",
	"vcf":      "text/vcard; charset=utf-8",
	"vtt":      "text/vtt; charset=utf-8",
	"yaml":     "application/yaml",
	"yml":      "application/yaml",

	// data
	"atom":        "application/atom+xml",
	"geojson":     "application/geo+json",
	"gpx":         "application/gpx+xml",
	"json":        "application/json",
	"jsonld":      "application/ld+json",
	"jsonl":       "application/x-ndjson",
	"map":         "application/json",
	"ndjson":      "application/x-ndjson",
	"rss":         "application/rss+xml",
	"wasm":        "application/wasm",
	"webmanifest": "application/manifest+json",
	"xhtml":       "application/xhtml+xml",
	"xml":         "application/xml",
	"xsl":         "application/xslt+xml",

	// images
	"apng": "image/apng",
	"avif": "image/avif",
	"bmp":  "image/bmp",
	"gif":  "image/gif",
	"heic": "image/heic",
	"ico":  "image/x-icon",
	"jpeg": "image/jpeg",
	"jpg":  "image/jpeg",
	"jxl":  "image/jxl",
	"png":  "image/png",
	"svg":  "image/svg+xml",
	"tif":  "image/tiff",
	"tiff": "image/tiff",
	"webp": "image/webp",

	// fonts
	"eot":   "application/vnd.ms-fontobject",
	"otf":   "font/otf",
	"ttf":   "font/ttf",
	"woff":  "font/woff",
	"woff2": "font/woff2",

	// sound and film
	"aac":  "audio/aac",
	"flac": "audio/flac",
	"m3u8": "application/vnd.apple.mpegurl",
	"m4a":  "audio/mp4",
	"m4v":  "video/mp4",
	"mid":  "audio/midi",
	"mkv":  "video/matroska",
	"mov":  "video/quicktime",
	"mp3":  "audio/mpeg",
	"mp4":  "video/mp4",
	"mpd":  "application/dash+xml",
	"mpeg": "video/mpeg",
	"oga":  "audio/ogg",
	"ogg":  "audio/ogg",
	"ogv":  "video/ogg",
	"opus": "audio/ogg",
	"wav":  "audio/wav",
	"weba": "audio/webm",
	"webm": "video/webm",

	// documents
	"doc":  "application/msword",
	"docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	"epub": "application/epub+zip",
	"odp":  "application/vnd.oasis.opendocument.presentation",
	"ods":  "application/vnd.oasis.opendocument.spreadsheet",
	"odt":  "application/vnd.oasis.opendocument.text",
	"pdf":  "application/pdf",
	"ppt":  "application/vnd.ms-powerpoint",
	"pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	"rtf":  "application/rtf",
	"xls":  "application/vnd.ms-excel",
	"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",

	// archives
	"7z":  "application/x-7z-compressed",
	"bz2": "application/x-bzip2",
	"gz":  "application/gzip",
	"jar": "application/java-archive",
	"rar": "application/vnd.rar",
	"tar": "application/x-tar",
	"tgz": "application/gzip",
	"xz":  "application/x-xz",
	"zip": "application/zip",
	"zst": "application/zstd",
}
