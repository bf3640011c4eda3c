// Documents with labels, people who may have them, and requests to lower them, made over the API.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { api, apiJson, documentReady, person } from "./harness.mjs";
import { hire } from "./people.mjs";

/** A person of the role who may read up to RESTRICTED, and under the given regimes and groups. */
export async function cleared(role, { clearance = "RESTRICTED", export_authorisations = [], groups = [] } = {}) {
  const user = await hire(role);
  const response = await apiJson(person("admin"), "PATCH", `/admin/users/${user.id}`, { clearance, export_authorisations, groups });
  assert.equal(response.status, 200, await response.clone().text());
  return user;
}

/** A small document with a label of its own, ready to be found. */
export async function uploadNote(user, { classification = "INTERNAL", export_control = [], groups = [] } = {}, text = "The gearbox holds 4 litres of oil.") {
  const name = `Note ${randomBytes(4).toString("hex")}.md`;
  const form = new FormData();
  form.set("classification", classification);
  if (export_control.length > 0) form.set("export_control", export_control.join(","));
  if (groups.length > 0) form.set("groups", groups.join(","));
  form.set("file", new Blob([`# ${name}\n\n${text}\n`], { type: "text/markdown" }), name);
  const response = await api(user, "/documents/upload", { method: "POST", body: form });
  assert.ok(response.ok, await response.clone().text());
  return documentReady(user, name);
}

/** Asks for a lower label. */
export async function askLower(user, { id, export_control, groups, integrity }, classification, reason = "The report was published last week.") {
  const response = await apiJson(user, "POST", `/documents/${id}/label-requests`, { label: { classification, export_control, groups, integrity }, reason });
  assert.equal(response.status, 201, await response.clone().text());
  return response.json();
}

/** Changes the settings for personal data and injection; `change` gets the present ones. */
export async function setSettings(change) {
  const admin = person("admin");
  const { personal_data, injection, version } = await (await api(admin, "/policy/settings")).json();
  const response = await apiJson(admin, "PUT", "/policy/settings", { version, ...change({ personal_data, injection }) });
  assert.equal(response.status, 200, await response.clone().text());
}

export const DEFAULT_SETTINGS = { personal_data: { modes: {}, custom: [] }, injection: { user_messages: "warn" } };
