import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import { ChartColumn, FileText, MessageSquareText, Settings2, Target, type LucideIcon } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { session } from "@/api/session";
import { focusSearch, useHotkeys } from "@/lib/hotkeys";
import { useStore } from "@/lib/store";
import { ConnectionBanner } from "./ConnectionBanner";
import { ADMIN_PLACES, PLACES, allowed } from "./places";
import { ShortcutsDialog } from "./ShortcutsDialog";
import { UserMenu } from "./UserMenu";

const ICONS: Record<(typeof PLACES)[number]["name"], LucideIcon> = { chat: MessageSquareText, documents: FileText, goals: Target, usage: ChartColumn };

const RAIL_LINK =
  "flex min-h-12 flex-1 flex-col items-center justify-center gap-0.5 rounded-md px-1 text-2xs font-medium text-ink-2 hover:bg-hover hover:text-ink aria-[current=page]:bg-accent-soft aria-[current=page]:text-accent sm:w-full sm:flex-none sm:py-1.5";

export function Shell() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [help, setHelp] = useState(false);
  const user = useStore(session, (value) => value?.user);
  const places = allowed(PLACES, user);
  const adminPlaces = allowed(ADMIN_PLACES, user);

  useHotkeys({
    "?": () => setHelp(true),
    "/": focusSearch,
    ...Object.fromEntries([...places, ...adminPlaces].map(({ key, to }) => [`g ${key}`, () => void navigate({ to, params: {} })])),
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
        {places.map(({ name, to }) => {
          const Icon = ICONS[name];
          return (
            <Link key={name} to={to} params={{}} activeOptions={{ includeSearch: false }} className={RAIL_LINK}>
              <Icon size={18} strokeWidth={1.75} aria-hidden="true" />
              {t(`app.nav.${name}`)}
            </Link>
          );
        })}
        {adminPlaces.length > 0 && (
          <Link to="/admin" activeOptions={{ includeSearch: false }} className={RAIL_LINK}>
            <Settings2 size={18} strokeWidth={1.75} aria-hidden="true" />
            {t("app.nav.admin")}
          </Link>
        )}
        <div className="hidden flex-1 sm:block" />
        <UserMenu className={RAIL_LINK} onHelp={() => setHelp(true)} />
      </nav>
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <ConnectionBanner />
        <main id="main" tabIndex={-1} className="min-h-0 flex-1 outline-none">
          <Outlet />
        </main>
      </div>
      <ShortcutsDialog open={help} onOpenChange={setHelp} />
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
