// Lints documents and says as JSON what is wrong with each: node lint.mjs FILE...
import { readFile } from "node:fs/promises";
import { createConfig, lintFromString } from "@redocly/openapi-core";

const config = await createConfig({
  extends: ["recommended-strict"],
  rules: {
    "no-invalid-schema-examples": "error",
    "no-invalid-parameter-examples": "error",
    "no-invalid-media-type-examples": "error",
    // What only the writer of an app can say.
    "info-license": "off",
    "operation-4xx-response": "off",
    "security-defined": "off",
    "tag-description": "off",
    // What only an extension refers to: the items of streams.
    "no-unused-components": "off",
    // The server that the document comes from is the default.
    "no-empty-servers": "off",
    // A slash at the end is a path of its own.
    "no-path-trailing-slash": "off",
    // A websocket is a GET that answers 101.
    "operation-2xx-response": "off",
  },
});

const all = [];
for (const file of process.argv.slice(2)) {
  const problems = await lintFromString({ source: await readFile(file, "utf8"), absoluteRef: file, config });
  all.push(problems.map((p) => ({ rule: p.ruleId, message: p.message, at: p.location[0]?.pointer ?? "" })));
}
process.stdout.write(JSON.stringify(all));
