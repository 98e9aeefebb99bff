// Package browser tests quart's examples with a real browser: Chromium, headless, driven by playwright-core.
//
//	go test ./conformance/browser
//
// The tests build the examples, start them on free ports and talk to a page as a person does, by clicks and by what is to be read. They
// need the commands go, node (18 or later), npm and chromium, or the browser that CHROMIUM names; playwright-core, which is pinned in
// package-lock.json, is installed to a temporary folder by npm ci. Where one of these is missing the tests are skipped; with CI=true they
// fail.
//
// Every page is also looked at by people: `go test ./conformance/browser -run Looks -artifacts -outputdir DIR` leaves pictures of each in DIR,
// on a desktop and a phone, light and dark.
//
// It has no code besides its tests.
package browser
