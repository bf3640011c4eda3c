// Every page and state that is looked at: by axe in pages.test.mjs, by people in shots.mjs.
import { BASE, answered, ask } from "./harness.mjs";

const narrow = (page) => page.viewportSize().width < 640;

export const QUESTION = "What has to be done before maintenance work?";

/** Each entry brings the page into a state and returns when it is there. `signedOut` needs nobody, `admin` the role. */
export const PAGES = [
  { name: "sign-in", signedOut: true, go: async (page) => (await page.goto(`${BASE}/sign-in`), page.getByLabel("E-mail").waitFor()) },
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
  { name: "not-found", go: async (page) => (await page.goto(`${BASE}/nowhere`), page.getByText("There is no such page").waitFor()) },
];

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
