import type { components } from "./schema";
import type { Narrowed, Sent } from "./types";

type Schemas = components["schemas"];

export type Role = Schemas["Role"];
export type Permission = Schemas["Permission"];
export type UserKind = Schemas["KindName"];
export type UserStatus = Schemas["StatusName"];
/** What the pages ask for a step-up for; the OpenAPI document describes the words in prose. */
export type StepUpPurpose = "totp.disable" | "totp.recovery_codes" | "users.reset_second_factor" | "policy.change";

/** In the order in which they are offered: the one without documents apart, the one with everything last. */
export const ROLES: readonly Role[] = ["viewer", "operator", "auditor", "admin"];
export const USER_KINDS: readonly UserKind[] = ["person", "service"];
export const USER_STATUSES: readonly UserStatus[] = ["active", "invited", "disabled"];

export type User = Sent<Schemas["UserResponse"]>;
export type AuthOptions = Schemas["OptionsResponse"];
export type LoginResponse = Narrowed<Schemas["LoginResponse"], { user: User | null }>;
export type LogoutResponse = Sent<Schemas["LogoutResponse"]>;
export type Session = Sent<Schemas["SessionResponse"]>;
export type TotpEnrolment = Schemas["EnrolmentResponse"];
export type RecoveryCodes = Schemas["RecoveryCodesResponse"];
export type StepUp = Schemas["StepUpResponse"];

export type ApiKey = Sent<Schemas["ApiKeyResponse"]>;
/** With the key itself, in this answer only. */
export type CreatedApiKey = Sent<Schemas["CreatedApiKeyResponse"]>;
export type CreateApiKey = Schemas["CreateApiKeyRequest"];

export type AdminUser = Sent<Schemas["AdminUserResponse"]>;
export type PasswordLink = Schemas["PasswordLinkResponse"];
export type CreatedUser = Narrowed<Schemas["CreatedUserResponse"], { user: AdminUser; invitation: PasswordLink | null }>;
export type CreateUser = Schemas["CreateUserRequest"];
export type ChangeUser = Schemas["ChangeUserRequest"];
export type SecurityPolicy = Schemas["SecurityPolicyBody"];
