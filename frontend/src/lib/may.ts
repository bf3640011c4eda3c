import type { Permission } from "@/api/identity-types";
import { may, session } from "@/api/session";
import { useStore } from "./store";

/** Whether the person who is signed in has this permission. */
export function useMay(permission: Permission): boolean {
  return useStore(session, () => may(permission));
}
