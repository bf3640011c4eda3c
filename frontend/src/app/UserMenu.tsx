import { CircleUser, Keyboard, LogOut } from "lucide-react";
import { useTranslation } from "react-i18next";
import { endSession, session } from "@/api/session";
import { LANGUAGES, setLanguage, type Language } from "@/i18n";
import { useStore } from "@/lib/store";
import { THEMES, theme } from "@/lib/theme";
import { Menu, MenuChoice, MenuItem, MenuLabel, MenuSeparator } from "@/ui/Menu";

export function UserMenu({ className, onHelp }: { className: string; onHelp: () => void }) {
  const { t, i18n } = useTranslation();
  const user = useStore(session, (value) => value?.user);
  const chosenTheme = useStore(theme, (value) => value);
  if (user === undefined) return null;
  return (
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
        <p className="truncate text-xs text-ink-3">{user.email}</p>
        <p className="truncate text-xs text-ink-3">
          {user.tenant.name} · {t(`roles.${user.role}`)}
        </p>
      </div>
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
      <MenuItem onSelect={endSession}>
        <LogOut size={16} aria-hidden="true" />
        {t("app.signOut")}
      </MenuItem>
    </Menu>
  );
}
