import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Logo } from "@/app/Shell";
import { LANGUAGES, setLanguage, type Language } from "@/i18n";
import { cx } from "@/lib/cx";
import { useDocumentTitle } from "@/lib/hooks";
import { Select } from "@/ui/parts";

/** The page around everything that happens before a person is inside. */
export function AuthFrame({ title, wide = false, children, aside }: { title: string; wide?: boolean; children: ReactNode; aside?: ReactNode }) {
  const { t, i18n } = useTranslation();
  useDocumentTitle(title);
  return (
    <main className={cx("flex h-full flex-col items-center overflow-y-auto bg-sunken px-4 pb-8", wide ? "pt-[6vh]" : "pt-[14vh]")}>
      <div className={cx("w-full", wide ? "max-w-lg" : "max-w-88")}>
        <div className="mb-4 flex items-center gap-3 [&>svg]:block">
          <Logo />
          <div>
            <p className="text-lg font-semibold tracking-tight">{t("app.name")}</p>
            <p className="text-sm text-ink-2">{t("signIn.claim")}</p>
          </div>
        </div>
        <div className="rounded-lg border border-line bg-raised p-5">
          <h1 className="mb-4 text-md font-semibold">{title}</h1>
          {children}
        </div>
        <div className="mt-3 flex items-center justify-between">
          <div>{aside}</div>
          <Select<Language>
            quiet
            label={t("app.language")}
            value={i18n.resolvedLanguage === "de" ? "de" : "en"}
            options={LANGUAGES}
            onChange={(language) => void setLanguage(language)}
          />
        </div>
      </div>
    </main>
  );
}
