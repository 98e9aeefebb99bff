// Shows the document that the page names, in the viewer that the page has loaded.
const { document: path, server } = document.body.dataset;
const place = document.querySelector("#docs");

const viewers = {
  swagger(spec) {
    SwaggerUIBundle({
      spec,
      domNode: place,
      presets: [SwaggerUIBundle.presets.apis],
      layout: "BaseLayout",
      deepLinking: true,
      displayRequestDuration: true,
      validatorUrl: null, // else badges of a public service are fetched
      onComplete: () => place.removeAttribute("aria-busy"),
    });
  },
  async elements(spec) {
    await customElements.whenDefined("elements-api");
    const api = document.createElement("elements-api");
    Object.assign(api, { apiDescriptionDocument: JSON.stringify(spec), router: "hash", layout: "responsive", hideExport: true, tryItCredentialsPolicy: "same-origin" });
    place.replaceChildren(api);
    place.removeAttribute("aria-busy");
  },
};

// withServers makes the servers absolute: those that the document has are relative to it, and one that has none is served where the page is,
// whatever prefix a proxy in front has taken away.
function withServers(spec, source) {
  const absolute = (url, base) => (url.includes("{") ? url : new URL(url, base).href.replace(/\/$/, ""));
  if (!spec.servers?.length) return { ...spec, servers: [{ url: absolute(server, location.href) }] };
  return { ...spec, servers: spec.servers.map((s) => ({ ...s, url: absolute(s.url, source) })) };
}

// useColours lets both viewers follow the colours that the person prefers.
function useColours(dark) {
  document.documentElement.classList.toggle("dark-mode", dark);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
}

function fail(reason) {
  const p = document.createElement("p");
  p.className = "docs-note";
  p.role = "alert";
  p.textContent = `The document could not be shown: ${reason}. Reload the page to try again.`;
  place.replaceChildren(p);
  place.removeAttribute("aria-busy");
}

async function load() {
  const response = await fetch(path, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`the server answered ${response.status} ${response.statusText}`.trim());
  return withServers(await response.json(), response.url);
}

const preference = matchMedia("(prefers-color-scheme: dark)");
preference.addEventListener("change", (e) => useColours(e.matches));
useColours(preference.matches);
try {
  await viewers[document.body.dataset.viewer](await load());
} catch (e) {
  fail(e.message);
}
