import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import { FileText, ListChecks, MessageSquareText, ScrollText, type LucideIcon } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { session } from "@/api/session";
import { focusSearch, useHotkeys } from "@/lib/hotkeys";
import { useStore } from "@/lib/store";
import { ConnectionBanner } from "./ConnectionBanner";
import { ShortcutsDialog } from "./ShortcutsDialog";
import { UserMenu } from "./UserMenu";

type Entry = {
  to: "/chat/{-$conversationId}" | "/documents/{-$documentId}" | "/admin/audit" | "/admin/jobs";
  name: "chat" | "documents" | "audit" | "jobs";
  icon: LucideIcon;
  adminOnly: boolean;
};

const ENTRIES: readonly Entry[] = [
  { to: "/chat/{-$conversationId}", name: "chat", icon: MessageSquareText, adminOnly: false },
  { to: "/documents/{-$documentId}", name: "documents", icon: FileText, adminOnly: false },
  { to: "/admin/audit", name: "audit", icon: ScrollText, adminOnly: true },
  { to: "/admin/jobs", name: "jobs", icon: ListChecks, adminOnly: true },
];

const RAIL_LINK =
  "flex min-h-12 flex-1 flex-col items-center justify-center gap-0.5 rounded-md px-1 text-2xs font-medium text-ink-2 hover:bg-hover hover:text-ink aria-[current=page]:bg-accent-soft aria-[current=page]:text-accent sm:w-full sm:flex-none sm:py-1.5";

export function Shell() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [help, setHelp] = useState(false);
  const isAdmin = useStore(session, (value) => value?.user.role === "admin");
  const entries = ENTRIES.filter((entry) => isAdmin || !entry.adminOnly);

  useHotkeys({
    "?": () => setHelp(true),
    "/": focusSearch,
    "g c": () => void navigate({ to: "/chat/{-$conversationId}", params: {} }),
    "g d": () => void navigate({ to: "/documents/{-$documentId}", params: {} }),
    ...(isAdmin ? { "g a": () => void navigate({ to: "/admin/audit" }), "g j": () => void navigate({ to: "/admin/jobs" }) } : {}),
  });

  return (
    <div className="flex h-dvh flex-col-reverse sm:flex-row">
      <a
        href="#main"
        className="sr-only z-50 rounded-md bg-accent px-3 py-2 text-on-accent focus-visible:not-sr-only focus-visible:fixed focus-visible:top-2 focus-visible:left-2"
      >
        {t("app.skip")}
      </a>
      <nav
        aria-label={t("app.navigation")}
        className="flex shrink-0 items-stretch gap-1 border-t border-line bg-sunken p-1 pb-[max(0.25rem,env(safe-area-inset-bottom))] sm:w-20 sm:flex-col sm:items-center sm:border-t-0 sm:border-r sm:p-1.5"
      >
        <Logo />
        {entries.map((entry) => (
          <Link key={entry.name} to={entry.to} params={{}} activeOptions={{ includeSearch: false }} className={RAIL_LINK}>
            <entry.icon size={18} strokeWidth={1.75} aria-hidden="true" />
            {t(`app.nav.${entry.name}`)}
          </Link>
        ))}
        <div className="hidden flex-1 sm:block" />
        <UserMenu className={RAIL_LINK} onHelp={() => setHelp(true)} />
      </nav>
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <ConnectionBanner />
        <main id="main" tabIndex={-1} className="min-h-0 flex-1 outline-none">
          <Outlet />
        </main>
      </div>
      <ShortcutsDialog open={help} onOpenChange={setHelp} isAdmin={isAdmin} />
    </div>
  );
}

export function Logo() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true" className="my-2 hidden size-8 sm:block">
      <rect width="32" height="32" rx="7" className="fill-accent" />
      <path d="M8 23V9l8 8 8-8v14" fill="none" strokeWidth="3.2" className="stroke-on-accent" />
    </svg>
  );
}
