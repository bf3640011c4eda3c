// People and codes that the tests make for themselves, so that the demo's own accounts stay as they are.
import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { api, apiJson, person, post } from "./harness.mjs";

const STEP_MS = 30_000;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

function base32(text) {
  const bits = [...text.replace(/[\s=]/g, "").toUpperCase()].map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, "0")).join("");
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
}

/** The code of one time step, after RFC 6238 with SHA-1 and six digits, as authenticator apps compute it. */
function codeAt(secret, step) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac("sha1", base32(secret)).update(counter).digest();
  const offset = mac[mac.length - 1] & 15;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

const used = new Map();

/** A code that the server takes now: none twice, because it remembers the last step, and at most one step ahead of the clock. */
export async function nextCode(secret) {
  const now = () => Math.floor(Date.now() / STEP_MS);
  const step = Math.max(now(), (used.get(secret) ?? 0) + 1);
  while (step > now() + 1) await new Promise((resolve) => setTimeout(resolve, 500));
  used.set(secret, step);
  return codeAt(secret, step);
}

/** Creates a person over the API; `password` is unset until the invitation is taken up. */
export async function invite(role, tenant = 0) {
  const name = `Test ${role} ${randomBytes(4).toString("hex")}`;
  const email = `${name.toLowerCase().replaceAll(" ", ".")}@e2e.example`;
  const response = await apiJson(person("admin", tenant), "POST", "/admin/users", { kind: "person", email, display_name: name, role });
  assert.equal(response.status, 201, await response.clone().text());
  const { user, invitation } = await response.json();
  return { id: user.id, name, email, url: invitation.url };
}

/** Creates a person who has a password. */
export async function hire(role) {
  const { url, ...invited } = await invite(role);
  const password = `correct horse ${randomBytes(8).toString("hex")}`;
  const token = new URLSearchParams(new URL(url).hash.slice(1)).get("token");
  const response = await post("/auth/set-password", { token, password, transport: "token" });
  assert.equal(response.status, 200, await response.clone().text());
  return { ...invited, password };
}

/** Sets the second factor up over the API, for a person who is to be asked for it. */
export async function withSecondFactor(user) {
  const { secret } = await (await apiJson(user, "POST", "/auth/totp", {})).json();
  const response = await apiJson(user, "POST", "/auth/totp/confirm", { code: await nextCode(secret) });
  assert.equal(response.status, 200, await response.clone().text());
  return { ...user, secret, codes: (await response.json()).recovery_codes };
}

/** Says which roles of the tenant must have a second factor. */
export async function requireSecondFactor(roles) {
  const admin = person("admin");
  const policy = await (await api(admin, "/admin/security-policy")).json();
  const response = await apiJson(admin, "PUT", "/admin/security-policy", { ...policy, second_factor_roles: roles });
  assert.equal(response.status, 200, await response.clone().text());
}

/** The path of a link, to be opened at the address that the tests use. */
export function pathOf(link) {
  const { pathname, hash } = new URL(link);
  return pathname + hash;
}
