// dist/: loader.js, which is every widget's _esm, and the modules that Python sends a page when it asks.
// And dist/NOTICE.txt: the licences of what is bundled.
import { build } from "esbuild";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const common = { bundle: true, format: "esm", jsx: "automatic", jsxImportSource: "preact", legalComments: "none", minify: true, target: "es2022" };
const MODULES = { loader: "src/loader.js", app: "src/app.tsx", figures: "src/figures/index.ts", "host/host": "src/host/main.tsx" };

// The sheets of all parts, as one text: the app puts it where the widget is, be that a page or a shadow root.
const sheets = {
  name: "sheets",
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^sheets$/ }, () => ({ path: "src/ui/sheets.css", namespace: "sheets" }));
    onLoad({ filter: /.*/, namespace: "sheets" }, async () => {
      const entry = fileURLToPath(new URL("src/ui/sheets.css", import.meta.url));
      const made = await build({ bundle: true, entryPoints: [entry], loader: { ".gif": "dataurl", ".svg": "dataurl" }, minify: true, write: false });
      return { contents: made.outputFiles[0].text, loader: "text" };
    });
  },
};

const bundled = new Set(["slickgrid"]); // its sheet, if nothing else
for (const [name, entry] of Object.entries(MODULES)) {
  const { metafile } = await build({ ...common, entryPoints: [entry], metafile: true, outfile: `dist/${name}.js`, plugins: [sheets] });
  for (const input of Object.keys(metafile.inputs)) {
    const found = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input);
    if (found) bundled.add(found[1]);
  }
}
const notices = [...bundled].sort().map((name) => {
  const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
  const licence = ["LICENSE", "LICENSE.md", "LICENSE.txt"].map((file) => `node_modules/${name}/${file}`).find(existsSync);
  return `${name} ${version}, under this licence:\n\n${readFileSync(licence, "utf8").trim()}\n`;
});
writeFileSync("dist/NOTICE.txt", `The modules in this folder contain\n\n${notices.join("\n\n")}`);
