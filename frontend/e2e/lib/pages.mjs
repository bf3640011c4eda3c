// Every page and state that is looked at: by axe in pages.test.mjs, by people in shots.mjs.
import { BASE, answered, apiJson, ask, person } from "./harness.mjs";
import { EVALUATION_PAGES } from "./evaluation-pages.mjs";
import { GOAL_PAGES } from "./goals.mjs";
import { MEMORY_PAGES } from "./memory.mjs";
import { hire, invite, pathOf, requireSecondFactor, withSecondFactor } from "./people.mjs";
import { MODEL_PAGES } from "./model-pages.mjs";
import { POLICY_PAGES } from "./policy-pages.mjs";

const narrow = (page) => page.viewportSize().width < 640;

export const QUESTION = "What has to be done before maintenance work?";

const TERMS = [
  { term: "LOTO", expansions: ["lockout tagout", "Freischalten und gegen Wiedereinschalten sichern"] },
  { term: "PRV", expansions: ["pressure relief valve"], language: "en" },
  { term: "Betriebsmittelkennzeichnungsschema", expansions: ["BMKS", "reference designation system for power plants and their auxiliary installations"], language: "de" },
];
let glossary;
/** Made once for all themes and widths; made before, it stays. */
function makeGlossary() {
  glossary ??= Promise.all(TERMS.map((term) => apiJson(person("admin"), "POST", "/admin/glossary", term)));
  return glossary;
}

/** Each entry brings the page into a state and returns when it is there. `signedOut` needs nobody, `admin` the role. */
export const PAGES = [
  { name: "sign-in", signedOut: true, go: async (page) => (await page.goto(`${BASE}/sign-in`), page.getByLabel("E-mail").waitFor()) },
  {
    name: "sign-in-refused",
    signedOut: true,
    go: async (page) => {
      await page.goto(`${BASE}/sign-in?error=upstream_unavailable&trace_id=${"0".repeat(32)}`);
      await page.getByTestId("problem").waitFor();
    },
  },
  {
    name: "sign-in-wrong",
    signedOut: true,
    expects: [/status of 401/],
    go: async (page) => {
      await page.goto(`${BASE}/sign-in`);
      await signIn(page, { email: "nobody@e2e.example", password: "wrong" });
      await page.getByTestId("sign-in-error").waitFor();
    },
  },
  { name: "sign-in-code", signedOut: true, go: askForCode },
  {
    name: "sign-in-recovery",
    signedOut: true,
    go: async (page) => {
      await askForCode(page);
      await page.getByRole("button", { name: "Use a recovery code" }).click();
    },
  },
  {
    name: "set-password",
    signedOut: true,
    go: async (page) => {
      const { url } = await once("invited", () => invite("viewer"));
      await page.goto(BASE + pathOf(url));
      await page.getByText(/At least \d+ characters/).waitFor();
    },
  },
  { name: "set-password-void", signedOut: true, go: async (page) => (await page.goto(`${BASE}/set-password`), page.getByText("This link is no longer valid").waitFor()) },
  { name: "second-factor-required", signedOut: true, go: openRequiredEnrolment },
  { name: "chat-new", go: async (page) => (await page.goto(`${BASE}/chat`), page.getByRole("textbox", { name: "Ask about your documents" }).waitFor()) },
  { name: "chat-answer", go: askQuestion },
  {
    name: "chat-steps",
    go: async (page) => {
      await askQuestion(page);
      await page.getByTestId("steps").click();
    },
  },
  {
    name: "chat-source",
    go: async (page) => {
      await askQuestion(page);
      await page.locator("[data-citation]").first().click();
      await page.locator(".textLayer mark, [data-testid=text-page] mark").first().waitFor();
    },
  },
  {
    name: "chat-unanswered",
    go: async (page) => {
      await page.goto(`${BASE}/chat`);
      await ask(page, "Which football club won the championship in 1974 and who scored?");
      await answered(page);
    },
  },
  {
    name: "chat-list",
    go: async (page) => {
      await page.goto(`${BASE}/chat`);
      if (narrow(page)) await page.getByRole("button", { name: "Show conversations" }).click();
      await page.getByRole("navigation", { name: "Conversations" }).getByRole("link").first().waitFor();
    },
  },
  { name: "documents", go: openDocuments },
  {
    name: "documents-none",
    go: async (page) => (await page.goto(`${BASE}/documents?q=nothing+has+this+name`), page.getByText("No document matches").waitFor()),
  },
  { name: "document-versions", go: (page) => openDocument(page, "versions") },
  { name: "document-passages", go: (page) => openDocument(page, "passages") },
  { name: "document-text", go: (page) => openDocument(page, "text") },
  {
    name: "upload-dialog",
    go: async (page) => {
      await openDocuments(page);
      await page.getByRole("button", { name: "Upload" }).first().click();
      await page.getByRole("dialog").waitFor();
    },
  },
  {
    name: "upload-refused",
    expects: [/status of 4(15|22)/],
    go: async (page) => {
      await openDocuments(page);
      await page.getByRole("button", { name: "Upload" }).first().click();
      await page.getByLabel("Choose files").last().setInputFiles({ name: "setup.pdf", mimeType: "application/pdf", buffer: Buffer.from("MZ\x90\x00\x03\x00\x00\x00\xff\xfe\x00\x01") });
      await page.getByRole("button", { name: "Upload 1 file" }).click();
      await page.getByTestId("problem").waitFor();
    },
  },
  { name: "audit", admin: true, go: openAudit },
  {
    name: "audit-entry",
    admin: true,
    go: async (page) => {
      await openAudit(page);
      await page.getByTestId("audit-row").first().getByRole("button").click();
      await page.getByText("Entry id", { exact: true }).waitFor();
    },
  },
  { name: "profile", go: openProfile },
  {
    name: "profile-enrolment",
    go: async (page) => {
      await openProfile(page);
      await page.getByRole("button", { name: "Set up" }).click();
      await page.getByRole("img", { name: "QR code for the authenticator app" }).waitFor();
    },
  },
  {
    name: "profile-new-key",
    go: async (page) => {
      await openProfile(page);
      await page.getByRole("button", { name: "Create key" }).click();
      await page.getByRole("dialog").waitFor();
    },
  },
  { name: "users", admin: true, go: openUsers },
  {
    name: "users-none",
    admin: true,
    go: async (page) => (await page.goto(`${BASE}/admin/users?q=nobody+has+this+name`), page.getByText("No user matches").waitFor()),
  },
  { name: "user", admin: true, go: openUser },
  {
    name: "user-link",
    admin: true,
    go: async (page) => {
      await openUser(page);
      await page.getByRole("button", { name: "Password reset link" }).click();
      await page.getByRole("button", { name: "Make link" }).click();
      await page.getByRole("textbox", { name: "Link" }).waitFor();
    },
  },
  {
    name: "user-add",
    admin: true,
    go: async (page) => {
      await openUsers(page);
      await page.getByRole("button", { name: "Add" }).click();
      await page.getByRole("dialog").waitFor();
    },
  },
  { name: "security", admin: true, go: async (page) => (await page.goto(`${BASE}/admin/security`), page.getByRole("checkbox").first().waitFor()) },
  { name: "glossary-none", admin: true, go: async (page) => (await page.goto(`${BASE}/admin/glossary?q=nothing`), page.getByText("No term has these words").waitFor()) },
  {
    name: "glossary",
    admin: true,
    go: async (page) => {
      await makeGlossary();
      await page.goto(`${BASE}/admin/glossary`);
      await page.getByTestId("glossary-row").first().waitFor();
    },
  },
  { name: "agents", admin: true, go: async (page) => (await page.goto(`${BASE}/admin/agents`), page.getByTestId("agent-row").nth(3).waitFor()) },
  {
    name: "agent",
    admin: true,
    go: async (page) => {
      await page.goto(`${BASE}/admin/agents/maintenance-advisor`);
      await page.getByTestId("agent-clean").waitFor();
    },
  },
  { name: "agent-new", admin: true, go: async (page) => (await page.goto(`${BASE}/admin/agents?create=true`), page.getByTestId("agent-clean").waitFor()) },
  { name: "mcp-none", admin: true, go: async (page) => (await page.goto(`${BASE}/admin/mcp`), page.getByText(/No server is registered|No MCP servers are allowed/).first().waitFor()) },
  { name: "jobs", admin: true, go: async (page) => (await page.goto(`${BASE}/admin/jobs`), page.getByTestId("job-row").first().waitFor()) },
  {
    name: "account-menu",
    go: async (page) => {
      await openDocuments(page);
      await page.getByRole("button", { name: /^Account/ }).click();
      await page.getByRole("menu").waitFor();
    },
  },
  {
    name: "shortcuts",
    go: async (page) => {
      await openDocuments(page);
      await page.getByRole("button", { name: /^Account/ }).click();
      await page.getByRole("menuitem", { name: "Keyboard shortcuts" }).click();
      await page.getByRole("dialog").waitFor();
    },
  },
  ...MEMORY_PAGES,
  ...EVALUATION_PAGES,
  ...GOAL_PAGES,
  ...POLICY_PAGES,
  ...MODEL_PAGES,
  { name: "not-found", go: async (page) => (await page.goto(`${BASE}/nowhere`), page.getByText("There is no such page").waitFor()) },
];

const made = new Map();

/** What the pages need is made once, by the first that needs it. */
function once(name, make) {
  if (!made.has(name)) made.set(name, make());
  return made.get(name);
}

async function signIn(page, { email, password }) {
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

async function askForCode(page) {
  const user = await once("with a second factor", async () => withSecondFactor(await hire("viewer")));
  await page.goto(`${BASE}/sign-in`);
  await signIn(page, user);
  await page.getByLabel("Code", { exact: true }).waitFor();
}

async function openRequiredEnrolment(page) {
  const user = await once("restricted", async () => {
    const hired = await hire("auditor");
    await requireSecondFactor(["auditor"]);
    return hired;
  });
  await page.goto(`${BASE}/sign-in`);
  await signIn(page, user);
  await page.getByRole("img", { name: "QR code for the authenticator app" }).waitFor();
}

async function openProfile(page) {
  await page.goto(`${BASE}/profile`);
  await page.getByTestId("session-row").first().waitFor();
  await page.getByText("No API key", { exact: true }).waitFor();
}

async function openUsers(page) {
  await page.goto(`${BASE}/admin/users`);
  await page.getByTestId("user-row").first().waitFor();
}

async function openUser(page) {
  const { id } = await once("shown", () => hire("operator"));
  await page.goto(`${BASE}/admin/users/${id}`);
  await page.getByRole("region", { name: "API keys" }).getByText(/No API key/).waitFor();
  await page.getByRole("region", { name: "Sessions" }).locator("table, p").first().waitFor();
}

async function askQuestion(page) {
  await page.goto(`${BASE}/chat`);
  await ask(page, QUESTION);
  await answered(page);
}

async function openDocuments(page) {
  await page.goto(`${BASE}/documents`);
  await page.getByTestId("document-row").first().waitFor();
}

async function openDocument(page, tab) {
  await openDocuments(page);
  await page.getByTestId("document-row").filter({ hasText: "Ready" }).first().getByRole("link").click();
  await page.getByTestId("version").first().waitFor();
  if (tab === "versions") return;
  await page.getByRole("tab", { name: tab === "passages" ? "Passages" : "Text" }).click();
  await page.locator(tab === "passages" ? "[role=tabpanel] li" : ".pdf-page, [data-testid=text-page]").first().waitFor();
}

async function openAudit(page) {
  await page.goto(`${BASE}/admin/audit`);
  await page.getByTestId("audit-row").first().waitFor();
}
