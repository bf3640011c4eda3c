import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getJson, sendJson } from "@/api/client";
import type { LintFinding, ListPage, Policy, PolicyEventCounts, PolicySettings, PolicyText, PolicyVersion } from "@/api/policy-types";

const PAGE = 50;
export const POLICY_KEY = ["policy"] as const;
export const SETTINGS_KEY = ["policy", "settings"] as const;
export const COUNT_DAYS = 30;

const SETTINGS_PATH = "/policy/settings";

/** What the company chose for personal data, injection and the choice of models. */
export function useSettings() {
  return useQuery({
    queryKey: SETTINGS_KEY,
    queryFn: ({ signal }) => getJson<PolicySettings>(SETTINGS_PATH, undefined, signal),
    // A form is open over it: what another person saves meanwhile shows when this one saves.
    staleTime: Infinity,
  });
}

type SettingsParts = Pick<PolicySettings, "personal_data" | "injection" | "routing">;

/** Saves a part of the settings; the others go back as they were read, under the same version. */
export function useSaveSettings({ personal_data, injection, routing, version }: PolicySettings, onSaved: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: Partial<SettingsParts>) => sendJson<PolicySettings>("PUT", SETTINGS_PATH, { personal_data, injection, routing, ...change, version }),
    onSuccess: (next) => {
      onSaved();
      client.setQueryData(SETTINGS_KEY, next);
    },
  });
}

export function usePolicy() {
  return useQuery({ queryKey: [...POLICY_KEY, "files"], queryFn: ({ signal }) => getJson<Policy>("/policy", undefined, signal) });
}

export function useVersions() {
  return useQuery({
    queryKey: [...POLICY_KEY, "versions"],
    queryFn: async ({ signal }) => (await getJson<{ items: PolicyVersion[] }>("/policy/versions", undefined, signal)).items,
  });
}

/** What is wrong with files that are not stored yet. Nothing is asked for no files. */
export function useLint(files: readonly PolicyText[]) {
  return useQuery({
    queryKey: [...POLICY_KEY, "lint", files],
    queryFn: async () => (await sendJson<{ findings: LintFinding[] }>("POST", "/policy/lint", { files })).findings,
    enabled: files.length > 0,
    staleTime: Infinity,
    placeholderData: (previous) => previous,
  });
}

/** A list in pages, flat, filtered by `query`. */
export function usePolicyPages<T>(path: string, query: Record<string, string | undefined>) {
  const result = useInfiniteQuery({
    queryKey: [...POLICY_KEY, path, query],
    queryFn: ({ pageParam, signal }) => getJson<ListPage<T>>(path, { ...query, limit: PAGE, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: (previous) => previous,
  });
  return { ...result, items: result.data?.pages.flatMap((page) => page.items) ?? [] };
}

export function useEventCounts(enabled: boolean) {
  return useQuery({
    queryKey: [...POLICY_KEY, "counts", COUNT_DAYS],
    queryFn: ({ signal }) => getJson<PolicyEventCounts>("/policy/events/counts", { days: COUNT_DAYS }, signal),
    enabled,
  });
}
