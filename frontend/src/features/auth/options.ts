import { useQuery } from "@tanstack/react-query";
import { getJson } from "@/api/client";
import type { AuthOptions } from "@/api/identity-types";

/** Which ways there are to sign in, and what a password must be. */
export function useAuthOptions() {
  return useQuery({ queryKey: ["auth", "options"], queryFn: ({ signal }) => getJson<AuthOptions>("/auth/options", undefined, signal), staleTime: 60_000 });
}
