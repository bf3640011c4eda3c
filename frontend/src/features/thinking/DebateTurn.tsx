import { CircleCheck, CircleDashed } from "lucide-react";
import { useTranslation } from "react-i18next";
import { heardOf, type Debate, type DebateSource, type Point, type Said, type Title } from "@/features/chat/model/debate";
import { Skeleton } from "@/ui/parts";
import "./texts";

interface DebateTurnProps {
  debate: Debate;
  /** Some are still to be heard. */
  running: boolean;
}

/** A turn of voices that think a question through: what each says, and what of it a passage says. */
export function DebateTurn({ debate, running }: DebateTurnProps) {
  const { t } = useTranslation();
  const titleOf = useTitle();
  const { thinking, turn, of, asked, said, findings, sources } = debate;
  const waiting = running ? asked.filter(({ who }) => !said.some((voice) => voice.who === who)) : [];
  const what = t(`thinking.what.${thinking}`, { returnObjects: true })[turn - 1];
  // In the order in which they were asked, whoever was heard first.
  const inOrder = asked.flatMap(({ who }) => said.filter((voice) => voice.who === who));
  const found = inOrder.filter((voice) => voice.points.length > 0 || voice.failed !== null);
  const names = (by: readonly string[]) => by.map((who) => titleOf(asked.find((voice) => voice.who === who)?.title ?? { en: who, de: who })).join(", ");
  return (
    <section className="mt-1 rounded-md border border-line bg-sunken" aria-label={t("thinking.turn", { name: t(`thinking.name.${thinking}`), turn, of })} data-testid="debate">
      <header className="border-b border-line px-3 py-2">
        <p className="font-medium text-ink">{t("thinking.turn", { name: t(`thinking.name.${thinking}`), turn, of })}</p>
        <p className="text-ink-3">
          {what} <span className="tabular-nums">{t("thinking.heard", { said: heardOf(debate), asked: asked.length })}</span>
        </p>
      </header>
      {findings.length > 0 && (
        <div className="border-b border-line px-3 py-2">
          <p className="mb-1 font-medium text-ink">{t("thinking.findings")}</p>
          <ol className="space-y-2" aria-label={t("thinking.findings")} data-testid="findings">
            {findings.map(({ point, by }, index) => (
              <li key={index}>
                <PointLine point={point} sources={sources} />
                <p className="pl-5.5 text-xs text-ink-3">{t("thinking.by", { names: names(by) })}</p>
              </li>
            ))}
          </ol>
        </div>
      )}
      <ul className="divide-y divide-line" aria-label={t("thinking.voices")}>
        {found.map((voice) => (
          <Voice key={voice.who} voice={voice} title={titleOf(voice.title)} sources={sources} open={findings.length === 0} />
        ))}
        {waiting.map(({ who, title }) => (
          <li key={who} className="px-3 py-2" aria-busy="true">
            <p className="font-medium text-ink">{titleOf(title)}</p>
            <Skeleton className="mt-1 h-4 w-3/4" />
          </li>
        ))}
        {found.length === 0 && waiting.length === 0 && <li className="px-3 py-2 text-ink-3">{t("thinking.nothing")}</li>}
      </ul>
    </section>
  );
}

function useTitle(): (title: Title) => string {
  const { i18n } = useTranslation();
  return (title) => (i18n.language === "de" ? title.de : title.en);
}

function Voice({ voice, title, sources, open }: { voice: Said; title: string; sources: readonly DebateSource[]; open: boolean }) {
  const { t } = useTranslation();
  return (
    <li data-testid="voice" data-who={voice.who}>
      <details open={open} className="group px-3">
        <summary className="control -mx-1 flex w-full cursor-pointer items-baseline justify-between gap-3 rounded-sm px-1 py-2">
          <span className="font-medium text-ink">{title}</span>
          {voice.model !== null && <span className="truncate text-xs text-ink-3">{voice.model}</span>}
        </summary>
        {voice.failed !== null ? (
          <p className="pb-2 text-ink-3">{t(`thinking.silent.${voice.failed}`)}</p>
        ) : (
          <ul className="space-y-1.5 pb-2">
            {voice.points.map((point, index) => (
              <li key={index}>
                <PointLine point={point} sources={sources} />
              </li>
            ))}
          </ul>
        )}
      </details>
    </li>
  );
}

/** A point: whether a passage says it, never by colour alone. */
function PointLine({ point, sources }: { point: Point; sources: readonly DebateSource[] }) {
  const { t } = useTranslation();
  const Icon = point.supported ? CircleCheck : CircleDashed;
  const named = point.passages.map((number) => {
    const source = sources.find((known) => known.number === number);
    const place = source === undefined ? null : source.page === null ? source.document_name : t("chat.citation.place", { name: source.document_name, page: source.page });
    return place === null ? null : t("thinking.passage", { number, name: place });
  });
  const places = named.filter((place) => place !== null);
  return (
    <div className="flex gap-2" data-supported={point.supported}>
      <Icon size={14} aria-hidden="true" className={point.supported ? "mt-0.5 shrink-0 text-accent" : "mt-0.5 shrink-0 text-ink-3"} />
      <div className="min-w-0 [overflow-wrap:anywhere]">
        {point.wrong !== null && <p className="text-ink">{point.wrong}</p>}
        <p className={point.supported ? "text-ink" : "text-ink-2"}>
          {point.wrong !== null && <span className="font-medium">{t("thinking.instead")}: </span>}
          {point.kind !== null && <span className="font-medium">{t(`thinking.kind.${point.kind}`)}: </span>}
          {point.says}
        </p>
        <p className="text-xs text-ink-3">
          {t(point.supported ? "thinking.supported" : "thinking.opinion")}
          {point.weight !== null && ` · ${t("thinking.weightLong", { weight: point.weight })}`}
          {point.supported && places.length > 0 && ` · ${places.join("; ")}`}
        </p>
      </div>
    </div>
  );
}
