// What every browser test needs: a browser, people to be, and guards that fail a test when the page does what it must never do.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

export const BASE = (process.env.MILLWRIGHT_URL ?? "http://127.0.0.1:8000").replace(/\/$/, "");
/** The same server under a name that no browser takes for the machine itself: a site without HTTPS. */
export const PLAIN = BASE.replace(/\/\/[^:/]+/, "//plain.example");
const credentialsPath = process.env.MILLWRIGHT_CREDENTIALS;
if (credentialsPath === undefined) throw new Error("MILLWRIGHT_CREDENTIALS must name the file with the demo credentials");
const { tenants } = JSON.parse(readFileSync(credentialsPath, "utf8"));

export const PDF = process.env.MILLWRIGHT_E2E_PDF;
export const WIDE = { width: 1440, height: 900 };
export const NARROW = { width: 390, height: 844 };

/** A person: `person("admin")`, or `person("admin", 1)` of the second tenant. */
export function person(role, tenant = 0) {
  const found = tenants[tenant]?.users.find((user) => user.role === role);
  if (found === undefined) throw new Error(`the credentials hold no ${role} in tenant ${tenant}`);
  return found;
}

let running;
/** One browser for all tests of a file. The promise is kept, so that tests that begin together share it. */
export function browser() {
  running ??= chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", `--host-resolver-rules=MAP ${new URL(PLAIN).hostname} 127.0.0.1`],
  });
  return running;
}

export async function closeBrowser() {
  await (await running)?.close();
  running = undefined;
  contexts.clear();
}

/** Well within the time for which the server takes a token or a cookie without renewal. */
const FRESH_MS = 4 * 60_000;
const tokens = new Map();
const cookies = new Map();

/** What `get` gave for the person last, while it is fresh. The promise is kept, so that tests that begin together share it. */
function kept(map, user, get) {
  const known = map.get(user.email);
  if (known !== undefined && Date.now() - known.at < FRESH_MS) return known.value;
  const value = get();
  map.set(user.email, { at: Date.now(), value });
  return value;
}

/** POSTs to the API as a program without a session. */
export function post(path, body) {
  return fetch(`${BASE}/api/v1${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}

async function tokenOf(user) {
  const response = await post("/auth/login", { email: user.email, password: user.password, transport: "token" });
  assert.equal(response.status, 200, `${user.email} can sign in`);
  return (await response.json()).access_token;
}

/** Calls the API as a person, with a token. */
export async function api(user, path, options = {}) {
  const token = await kept(tokens, user, () => tokenOf(user));
  return fetch(`${BASE}/api/v1${path}`, { ...options, headers: { authorization: `Bearer ${token}`, ...options.headers } });
}

/** The same with a JSON body. */
export function apiJson(user, method, path, body) {
  return api(user, path, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}

/** Signs a person in within a browser context, as the page would. */
async function signInContext(context, user) {
  const response = await context.request.post(`${BASE}/api/v1/auth/login`, { data: { email: user.email, password: user.password, transport: "cookie" } });
  assert.equal(response.status(), 200, `${user.email} can sign in`);
  return context.cookies();
}

/** The cookies of one session, for all contexts of the person that only look. */
async function sharedCookies(user) {
  const context = await (await browser()).newContext();
  const value = await signInContext(context, user);
  await context.close();
  return value;
}

/** A context as a person's browser, with what fails a test when a page breaks its security policy. */
async function newContext(viewport, theme) {
  const narrow = viewport.width < 640;
  const context = await (await browser()).newContext({
    viewport,
    colorScheme: theme,
    hasTouch: narrow,
    isMobile: narrow,
    reducedMotion: "reduce",
    locale: "en-GB",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`policy violation: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  return context;
}

const contexts = new Map();

/** A context that many tests open their pages in, so that scripts and fonts are read once. It is made anew with the cookies. */
async function sharedContext(user, viewport, theme) {
  const value = await kept(cookies, user, () => sharedCookies(user));
  const key = `${user.email} ${viewport.width} ${theme}`;
  const known = contexts.get(key);
  if (known?.value === value) return known.context;
  const context = newContext(viewport, theme).then(async (made) => (await made.addCookies(value), made));
  contexts.set(key, { value, context });
  return context;
}

/** Opens a page, signed in as `user` if one is given; with `own` in a session of its own, which the test may end; with `shared` in the
 *  same context as other tests of this person, which is for those that only look. Call `check()` at
 *  the end: it fails if the page asked a host that is neither `base` nor `elsewhere` for anything, broke its security policy, or
 *  wrote an error to the console. */
export async function open({ user, own = false, shared = false, base = BASE, elsewhere = [], viewport = WIDE, theme = "light", allow = [] } = {}) {
  const context = shared ? await sharedContext(user, viewport, theme) : await newContext(viewport, theme);
  if (user !== undefined && !shared) {
    if (own) await signInContext(context, user);
    else await context.addCookies(await kept(cookies, user, () => sharedCookies(user)));
  }
  const faults = [];
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("pageerror", (error) => faults.push(`uncaught: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() !== "error" && message.type() !== "warning") return;
    const text = message.text();
    if (!allow.some((pattern) => pattern.test(text))) faults.push(`console ${message.type()}: ${text}`);
  });
  page.on("request", (request) => {
    const address = request.url();
    if (![base, ...elsewhere].some((host) => address.startsWith(`${host}/`)) && !/^(blob|data):/.test(address)) faults.push(`asked another host: ${address}`);
  });
  return {
    page,
    context,
    check: () => assert.deepEqual(faults, []),
    close: () => (shared ? page.close() : context.close()),
  };
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Fails if axe finds anything against WCAG 2.2 AA or its best practices. */
export async function checkAccessibility(page, where) {
  await page.evaluate(axeSource);
  const violations = await page.evaluate(async () => {
    const result = await window.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
      // Menus and hover cards stand at the end of the body, outside of every landmark, by design.
      rules: { region: { enabled: false } },
    }).catch((error) => ({ violations: [{ id: String(error), nodes: [] }] }));
    return result.violations.map((found) => `${found.id}: ${found.nodes.map((node) => `${node.target.join(" ")} ${node.failureSummary}`).join(" | ")}`);
  });
  assert.deepEqual(violations, [], where);
}

/** Fails if the page is wider than the window: on a phone nothing may hide to the right. */
export async function checkNoOverflow(page, where) {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= window, `${where}: content is ${content} px wide in a window of ${window} px`);
}

/** Waits until the run of the shown conversation has ended. */
export async function answered(page) {
  await page.locator('[data-testid="phase"][data-phase="idle"]').waitFor({ state: "attached" });
  await page.locator('[data-testid="answer"]').last().waitFor();
}

/** Types a question and sends it. */
export async function ask(page, question) {
  await page.getByRole("textbox", { name: "Ask about your documents" }).fill(question);
  await page.keyboard.press("Enter");
}

/** Deletes the person's conversations, so that a test does not see those of another. */
export async function forgetConversations(user) {
  const list = await (await api(user, "/conversations?limit=200")).json();
  for (const { id } of list.items) await api(user, `/conversations/${id}`, { method: "DELETE" });
}

/** Waits until a document of this name is ready, and returns it. */
export async function documentReady(user, name, timeoutMs = 120_000) {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const list = await (await api(user, `/documents?limit=200&q=${encodeURIComponent(name)}`)).json();
    const found = list.items.find((document) => document.name === name);
    if (found?.latest.status === "ready") return found;
    assert.notEqual(found?.latest.status, "failed", `${name}: ${JSON.stringify(found?.latest.error)}`);
    assert.ok(Date.now() < end, `${name} is ready in time`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
