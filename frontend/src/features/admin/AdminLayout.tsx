import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { session } from "@/api/session";
import { ADMIN_PLACES, allowed } from "@/app/places";
import { addTexts } from "@/i18n";
import { personalData, policy, security, users } from "@/i18n/en-admin";
import { useStore } from "@/lib/store";

addTexts({ personalData, policy, security, users });

/** The pages of the administration that the person may use, side by side above the one that is shown. */
export function AdminLayout() {
  const { t } = useTranslation();
  const user = useStore(session, (value) => value?.user);
  const places = allowed(ADMIN_PLACES, user);
  const nav = useRef<HTMLElement>(null);
  const path = useRouterState({ select: (state) => state.resolvedLocation?.pathname });
  // On a phone not all have room: the one of this page is in view.
  useEffect(() => {
    nav.current?.querySelector("[aria-current=page]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [path]);
  return (
    <div className="flex h-full flex-col">
      <nav ref={nav} aria-label={t("app.adminNavigation")} className="flex shrink-0 gap-1 overflow-x-auto border-b border-line px-3">
        {places.map(({ name, to }) => (
          <Link
            key={name}
            to={to}
            params={{}}
            activeOptions={{ includeSearch: false }}
            className="flex h-10 shrink-0 items-center border-b-2 border-transparent px-2 whitespace-nowrap text-ink-2 hover:text-ink focus-visible:-outline-offset-2 aria-[current=page]:border-accent aria-[current=page]:font-medium aria-[current=page]:text-accent touch:h-11"
          >
            {t(`app.adminNav.${name}`)}
          </Link>
        ))}
      </nav>
      <div className="min-h-0 flex-1">
        <Outlet />
      </div>
    </div>
  );
}
