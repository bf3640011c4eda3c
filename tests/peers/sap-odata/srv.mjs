// Serves the two services beside this file. It writes nothing: changes stay in memory.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(join(process.env.MODULES, 'package.json'));
const express = require('express');
const MockServer = require('@sap-ux/fe-mockserver-core').default;
const here = dirname(fileURLToPath(import.meta.url));

const service = (urlPath, folder) => ({
  urlPath,
  metadataPath: join(here, folder, 'metadata.xml'),
  mockdataPath: join(here, folder),
  generateMockData: false,
  watch: false,
  noETag: true
});
// What it logs would come before the line that says it is ready.
console.log = console.info = () => {};
const server = new MockServer({
  services: [
    service('/sap/opu/odata/sap/ZMW_PURCHASING', 'purchasing'),
    service('/sap/opu/odata4/sap/zmw_stock', 'stock')
  ],
  plugins: [],
  annotations: []
});
await server.isReady;
const app = express();
app.use(server.getRouter());
const listening = app.listen(0, '127.0.0.1', () => {
  process.stdout.write(JSON.stringify({ origin: `http://127.0.0.1:${listening.address().port}` }) + '\n');
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
