import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import type { Plugin } from "vite";

const root = fileURLToPath(new URL(".", import.meta.url));

/** Puts a small blocking script before the first paint, so that a chosen theme never flashes the other one.
 *  It is a file of its own because the content security policy forbids inline script. */
function themeScript(): Plugin {
  let fileName = "";
  return {
    name: "millwright-theme-script",
    apply: "build",
    generateBundle: {
      order: "pre",
      handler() {
        const source = readFileSync(join(root, "src/app/theme-init.js"), "utf8");
        const reference = this.emitFile({ type: "asset", name: "theme-init.js", source });
        fileName = this.getFileName(reference);
      },
    },
    transformIndexHtml: {
      order: "post",
      handler: () => [{ tag: "script", attrs: { src: `/${fileName}` }, injectTo: "head" }],
    },
  };
}

/** pdf.js asks for character maps, the 14 standard fonts and decoders by name, so they keep their names in a versioned folder. */
function pdfResources(): Plugin {
  const from = join(root, "node_modules/pdfjs-dist");
  const { version } = JSON.parse(readFileSync(join(from, "package.json"), "utf8")) as { version: string };
  const base = `assets/pdfjs-${version}`;
  return {
    name: "millwright-pdf-resources",
    config: () => ({ define: { __PDFJS_RESOURCES__: JSON.stringify(`/${base}/`) } }),
    generateBundle() {
      for (const folder of ["cmaps", "standard_fonts", "wasm"]) {
        for (const file of readdirSync(join(from, folder))) {
          if (file.startsWith("LICENSE") || file.includes("nowasm")) continue;
          this.emitFile({ type: "asset", fileName: `${base}/${folder}/${file}`, source: readFileSync(join(from, folder, file)) });
        }
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), tailwindcss(), themeScript(), pdfResources()],
  resolve: { alias: { "@": join(root, "src") } },
  build: {
    target: "es2023",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
    rollupOptions: {
      output: {
        // Some servers know no media type for .mjs; a worker needs the right one.
        assetFileNames: ({ names }) => (names[0]?.endsWith(".mjs") ? "assets/[name]-[hash].js" : "assets/[name]-[hash][extname]"),
      },
    },
  },
  server: {
    host: "127.0.0.1",
    port: 5173,
    proxy: Object.fromEntries(
      ["/api", "/health", "/metrics", "/docs", "/openapi.json"].map((path) => [
        path,
        { target: process.env["MILLWRIGHT_URL"] ?? "http://127.0.0.1:8000", changeOrigin: false },
      ]),
    ),
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
