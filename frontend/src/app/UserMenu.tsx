import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Brain, CircleUser, Keyboard, LogOut, UserRoundCog } from "lucide-react";
import { useTranslation } from "react-i18next";
import { signOut } from "@/api/auth";
import { asProblem } from "@/api/problem";
import { session } from "@/api/session";
import { LANGUAGES, setLanguage, type Language } from "@/i18n";
import { useStore } from "@/lib/store";
import { THEMES, theme } from "@/lib/theme";
import { Dialog } from "@/ui/Dialog";
import { Menu, MenuChoice, MenuItem, MenuLabel, MenuSeparator } from "@/ui/Menu";
import { ProblemNotice } from "@/ui/ProblemNotice";

export function UserMenu({ className, onHelp }: { className: string; onHelp: () => void }) {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const user = useStore(session, (value) => value?.user);
  const chosenTheme = useStore(theme, (value) => value);
  const leave = useMutation({ mutationFn: signOut });
  if (user === undefined) return null;
  return (
    <>
      <Menu
        side="top"
        align="end"
        trigger={
          <button type="button" className={className} aria-label={t("app.account", { name: user.display_name })}>
            <CircleUser size={18} strokeWidth={1.75} aria-hidden="true" />
            <span aria-hidden="true">{t("app.nav.account")}</span>
          </button>
        }
      >
        <div className="max-w-64 px-2 py-1.5">
          <p className="truncate font-semibold">{user.display_name}</p>
          {user.email !== null && <p className="truncate text-xs text-ink-3">{user.email}</p>}
          <p className="truncate text-xs text-ink-3">
            {user.tenant.name} · {t(`roles.${user.role}`)}
          </p>
        </div>
        <MenuItem onSelect={() => void navigate({ to: "/profile" })}>
          <UserRoundCog size={16} aria-hidden="true" />
          {t("app.profile")}
        </MenuItem>
        {user.permissions.includes("chat:use") && (
          <MenuItem onSelect={() => void navigate({ to: "/memory" })}>
            <Brain size={16} aria-hidden="true" />
            {t("app.memory")}
          </MenuItem>
        )}
        <MenuSeparator />
        <MenuLabel>{t("app.theme")}</MenuLabel>
        <MenuChoice
          value={chosenTheme}
          options={THEMES.map((value) => ({ value, label: t(`app.themes.${value}`) }))}
          onChange={theme.set}
        />
        <MenuSeparator />
        <MenuLabel>{t("app.language")}</MenuLabel>
        <MenuChoice<Language>
          value={i18n.resolvedLanguage === "de" ? "de" : "en"}
          options={LANGUAGES.map(({ value, label }) => ({ value, label, lang: value }))}
          onChange={(language) => void setLanguage(language)}
        />
        <MenuSeparator />
        <MenuItem onSelect={onHelp}>
          <Keyboard size={16} aria-hidden="true" />
          {t("shortcuts.title")}
        </MenuItem>
        <MenuItem onSelect={() => leave.mutate()}>
          <LogOut size={16} aria-hidden="true" />
          {t("app.signOut")}
        </MenuItem>
      </Menu>
      {leave.error !== null && (
        <Dialog open onOpenChange={() => leave.reset()} title={t("app.signOut")}>
          <p className="mb-3 text-ink-2">{t("app.stillSignedIn")}</p>
          <ProblemNotice problem={asProblem(leave.error)} onRetry={() => leave.mutate()} />
        </Dialog>
      )}
    </>
  );
}
