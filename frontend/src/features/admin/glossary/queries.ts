import type { QueryClient } from "@tanstack/react-query";

export const GLOSSARY_KEY = ["glossary"] as const;
export const GLOSSARY_PATH = "/admin/glossary";

export async function invalidateGlossary(client: QueryClient): Promise<void> {
  await client.invalidateQueries({ queryKey: GLOSSARY_KEY });
}
