// Signing in with an identity provider: a real one on the loopback, and a Millwright that is set up for it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { freePort, newFolder, skip, startServer } from "./lib/server.mjs";

const START = fileURLToPath(new URL("../../tests/peers/oidc/start.sh", import.meta.url));
const CANNOT_RUN = 77;

/** Starts the provider, which ends when its standard input is closed. Null: it cannot run on this machine. */
async function startProvider(settings) {
  const child = spawn("sh", [START, JSON.stringify(settings)], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const line = await Promise.race([new Promise((resolve) => createInterface(child.stdout).once("line", resolve)), ended]);
  if (line === CANNOT_RUN) return null;
  assert.equal(typeof line, "string", "the provider starts");
  return { issuer: JSON.parse(line).issuer, stop: () => (child.stdin.end(), ended) };
}

describe("with an identity provider", { skip }, () => {
  let harness, people, provider, server;

  before(async () => {
    const port = await freePort();
    const base = `http://127.0.0.1:${port}`;
    provider = await startProvider({
      redirect_uris: [`${base}/api/v1/auth/oidc/callback`],
      post_logout_redirect_uris: [`${base}/sign-in`, `${base}/`, base],
      users: { anna: { role: "operator", email: "anna@works.example", email_verified: true, name: "Anna of the Works" } },
    });
    if (provider === null) return;
    const folder = newFolder();
    const file = join(folder, "providers.toml");
    writeFileSync(
      file,
      `[[provider]]
id = "works"
name = "Works directory"
issuer = "${provider.issuer}"
client_id = "millwright-web"
client_secret_file = "${join(folder, "secret")}"
scopes = ["openid", "email", "profile", "offline_access"]
authorize_parameters = { login_hint = "anna", prompt = "consent" }
tenant = { fixed = "TenantA" }
role = { claim = "role" }
`,
    );
    writeFileSync(join(folder, "secret"), "web-secret", { mode: 0o600 });
    server = await startServer(folder, port, { IDENTITY_PROVIDERS_FILE: file, PUBLIC_URL: base });
    ({ harness } = server);
    people = await import("./lib/people.mjs");
  });
  after(async () => {
    await harness?.closeBrowser();
    await server?.stop();
    await provider?.stop();
  });

  // The provider's own pages ask for fonts from elsewhere and for an icon that it does not have.
  const open = () => harness.open({ elsewhere: [provider.issuer, "https://fonts.googleapis.com"], allow: [/status of 401/, /ERR_NAME_NOT_RESOLVED/, /status of 404/] });

  async function signIn(page) {
    await page.getByRole("link", { name: "Sign in with Works directory" }).click();
  }

  test("a person comes in where they wanted to go, can set a second factor up, and leaves at the provider too", async (context) => {
    if (provider === null) return context.skip("the provider cannot run here");
    const { BASE } = harness;
    const { page, check, close } = await open();
    await page.goto(`${BASE}/documents?status=ready`);
    await signIn(page);
    await page.waitForURL(`${BASE}/documents?status=ready`);
    await page.getByRole("button", { name: "Account of Anna of the Works" }).click();
    await page.getByRole("menuitem", { name: "Profile" }).click();
    await page.getByText("this account has no password").waitFor();
    await page.getByTestId("session-row").getByText("works", { exact: false }).waitFor();

    const section = page.getByRole("region", { name: "Second factor" });
    await section.getByRole("button", { name: "Set up" }).click();
    const secret = await page.getByRole("button", { name: /Copy Secret/ }).getAttribute("title");
    await page.getByLabel("Six-digit code from the app").fill(await people.nextCode(secret));
    await page.getByRole("button", { name: "Confirm" }).click();
    await page.getByRole("checkbox", { name: "I have kept these codes" }).check();
    await page.getByRole("button", { name: "Done" }).click();

    await page.getByRole("button", { name: /^Account of/ }).click();
    const atProvider = page.waitForRequest((request) => request.url().startsWith(`${provider.issuer}/session/end`));
    // Going on before the provider's page is there would be a race with it.
    const arrived = page.waitForEvent("framenavigated", (frame) => frame === page.mainFrame() && frame.url().startsWith(provider.issuer));
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await atProvider;
    await arrived;

    await page.goto(`${BASE}/documents`);
    await signIn(page);
    await page.waitForURL(/\/sign-in\/second-factor\?return=%2Fdocuments/);
    await page.getByLabel("Code", { exact: true }).fill(await people.nextCode(secret));
    await page.getByRole("button", { name: "Verify" }).click();
    await page.waitForURL(`${BASE}/documents`);
    await page.getByRole("button", { name: "Account of Anna of the Works" }).waitFor();
    check();
    await close();
  });

  test("whom the provider does not let in reads so on the sign-in page", async (context) => {
    if (provider === null) return context.skip("the provider cannot run here");
    await fetch(`${provider.issuer}/test/users`, { method: "POST", body: JSON.stringify({ anna: null }) });
    const { page, check, close } = await open();
    await page.goto(`${harness.BASE}/sign-in`);
    await signIn(page);
    await page.waitForURL(/\/sign-in\?error=unauthenticated&trace_id=[0-9a-f]{32}/);
    assert.match(await page.getByTestId("problem").innerText(), /Signing in with the provider did not succeed[\s\S]*Trace/);
    check();
    await close();
  });
});
