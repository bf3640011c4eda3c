// A Millwright of a test's own, from the binary that MILLWRIGHT_E2E_BINARY names, for what the shared one is not set up for.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const BINARY = process.env.MILLWRIGHT_E2E_BINARY;
/** A reason to skip, or false. */
export const skip = BINARY === undefined && "MILLWRIGHT_E2E_BINARY does not name a binary";

export async function freePort() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** A folder for the server's data and settings. */
export function newFolder() {
  const folder = mkdtempSync(join(tmpdir(), "millwright-e2e-"));
  // The private PostgreSQL may run as another user, who has to pass.
  chmodSync(folder, 0o711);
  return folder;
}

async function ready(url, child) {
  for (let tries = 0; tries < 600; tries += 1) {
    assert.equal(child.exitCode, null, "the server stays up");
    const documents = await fetch(`${url}/health/ready`).catch(() => null);
    if (documents?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail("the server becomes ready");
}

/** Starts it with the demo tenants, makes it the one that the harness speaks to, and returns the harness, how to restart it and how to end it. */
export async function startServer(folder, port, settings) {
  const data = join(folder, "data");
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^MILLWRIGHT_(URL|CREDENTIALS|E2E_|SHOTS)/.test(name)));
  const begin = () => spawn(BINARY, ["serve", "--demo"], { env: { ...inherited, PORT: String(port), MILLWRIGHT_DATA_DIR: data, ...settings }, stdio: "ignore" });
  let child = begin();
  process.env.MILLWRIGHT_URL = `http://127.0.0.1:${port}`;
  process.env.MILLWRIGHT_CREDENTIALS = join(data, "demo-credentials.json");
  const end = async () => {
    if (child.exitCode === null) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
    }
  };
  const restart = async () => {
    await end();
    child = begin();
    await ready(process.env.MILLWRIGHT_URL, child);
  };
  const stop = async () => {
    await end();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await ready(process.env.MILLWRIGHT_URL, child);
  } catch (error) {
    await stop();
    throw error;
  }
  // Only now: it reads the address and the credentials when it is loaded.
  return { harness: await import("./harness.mjs"), restart, stop };
}
