import { useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { MessageSquareText, PanelLeft, SquarePen } from "lucide-react";
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useHotkeys } from "@/lib/hotkeys";
import { useDocumentTitle, useMediaQuery } from "@/lib/hooks";
import { useStore } from "@/lib/store";
import { Button, IconButton } from "@/ui/Button";
import { Sheet } from "@/ui/Dialog";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { EmptyState, Skeleton } from "@/ui/parts";
import { Composer } from "./Composer";
import { ChatContext } from "./context";
import { ConversationList } from "./ConversationList";
import { ConversationMenu } from "./ConversationMenu";
import type { ConversationModel } from "./model/conversation";
import { parseSourceKey } from "./model/citations";
import { conversation, draftConversation, onConversationsChange, settleDraft } from "./model/registry";
import { Announcer } from "./Announcer";
import { Thread } from "./Thread";
import { Welcome } from "./Welcome";

const SourcePanel = lazy(() => import("./SourcePanel").then((module) => ({ default: module.SourcePanel })));
const route = getRouteApi("/app/chat/{-$conversationId}");

function useModel(id: string | undefined): ConversationModel {
  const navigate = route.useNavigate();
  const client = useQueryClient();
  const model = id === undefined ? draftConversation() : conversation(id);
  const ownId = useStore(model.store, (state) => state.id);
  useEffect(() => onConversationsChange(() => void client.invalidateQueries({ queryKey: ["conversations"] })), [client]);
  useEffect(() => {
    if (id !== undefined) {
      settleDraft(id);
      void model.load();
    }
  }, [id, model]);
  // A new conversation has got its id: from now on it has its own address.
  useEffect(() => {
    if (id === undefined && ownId !== null) {
      void navigate({ params: { conversationId: ownId }, search: (search) => search, replace: true });
    }
  }, [id, ownId, navigate]);
  return model;
}

export function ChatPage() {
  const { t } = useTranslation();
  const { conversationId } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const model = useModel(conversationId);
  const busy = useStore(model.store, (state) => state.phase !== "idle");
  const title = useStore(model.store, (state) => state.title);
  const [listOpen, setListOpen] = useState(false);
  useDocumentTitle(title === "" ? t("chat.new") : title);

  const sourceParam = search.source;
  const source = useMemo(() => (sourceParam === undefined ? null : parseSourceKey(sourceParam)), [sourceParam]);
  const openSource = useCallback(
    (key: string | null) => void navigate({ search: (old) => ({ ...old, source: key ?? undefined }), replace: sourceParam !== undefined }),
    [navigate, sourceParam],
  );
  const context = useMemo(() => ({ model, busy, source, openSource }), [model, busy, source, openSource]);

  const sideBySide = useMediaQuery("(min-width: 64rem)");
  const roomForAll = useMediaQuery("(min-width: 80rem)");
  const showList = sideBySide && (source === null || roomForAll);
  const newChat = () => {
    setListOpen(false);
    void navigate({ params: { conversationId: undefined }, search: {} });
  };
  useHotkeys({ n: newChat, ...(source === null ? {} : { Escape: () => openSource(null) }) });

  const list = <ConversationList current={conversationId} onPick={() => setListOpen(false)} onNew={newChat} />;
  return (
    <ChatContext value={context}>
      <div className="flex h-full">
        {showList && <aside className="flex w-64 shrink-0 flex-col border-r border-line bg-sunken">{list}</aside>}
        <section className="flex min-w-0 flex-1 flex-col" aria-label={t("chat.title")}>
          <header className="flex h-12 shrink-0 items-center gap-1 border-b border-line px-2 touch:h-14 lg:px-4">
            {!showList && (
              <IconButton label={t("chat.openList")} onClick={() => setListOpen(true)}>
                <PanelLeft size={16} aria-hidden="true" />
              </IconButton>
            )}
            <h1 className="min-w-0 flex-1 truncate px-1 font-semibold">{title === "" ? t("chat.new") : title}</h1>
            {!showList && (
              <IconButton label={t("chat.new")} onClick={newChat}>
                <SquarePen size={16} aria-hidden="true" />
              </IconButton>
            )}
            {conversationId !== undefined && <ConversationMenu id={conversationId} title={title} onDeleted={newChat} />}
          </header>
          <Body model={model} />
        </section>
        {source !== null && sideBySide && (
          <aside className="flex w-[min(44vw,44rem)] min-w-96 shrink-0 flex-col border-l border-line bg-sunken xl:w-[38vw]" aria-label={t("source.title")}>
            <Suspense fallback={<Skeleton className="m-4 h-64" />}>
              <SourcePanel />
            </Suspense>
          </aside>
        )}
      </div>
      {!sideBySide && (
        <Sheet side="right" open={source !== null} onOpenChange={(open) => !open && openSource(null)} title={t("source.title")}>
          <Suspense fallback={<Skeleton className="m-4 h-64" />}>
            <SourcePanel />
          </Suspense>
        </Sheet>
      )}
      <Sheet side="left" open={listOpen && !showList} onOpenChange={setListOpen} title={t("chat.conversations")}>
        {list}
      </Sheet>
    </ChatContext>
  );
}

function Body({ model }: { model: ConversationModel }) {
  const { t } = useTranslation();
  const load = useStore(model.store, (state) => state.load);
  const problem = useStore(model.store, (state) => state.problem);
  const reconnecting = useStore(model.store, (state) => state.phase === "reconnecting");
  const empty = useStore(model.store, (state) => state.messages.size === 0 && state.pending === null);
  if (load === "failed" && problem !== null) {
    return problem.status === 404 ? (
      <EmptyState icon={<MessageSquareText size={28} />} title={t("chat.gone")} text={t("chat.goneText")} />
    ) : (
      <div className="mx-auto w-full max-w-[46rem] p-4">
        <ProblemNotice problem={problem} onRetry={() => void model.load()} />
      </div>
    );
  }
  return (
    <>
      {load === "loading" ? <ThreadSkeleton /> : empty ? <Welcome /> : <Thread key={model.key} />}
      <Announcer model={model} />
      <div className="mx-auto w-full max-w-[46rem] px-4">
        {reconnecting && (
          <p role="status" className="pb-2 text-sm text-ink-2">
            {t("chat.reconnecting")}
          </p>
        )}
        {problem !== null && load === "ready" && (
          <div className="pb-2">
            <ProblemNotice problem={problem} />
            <div className="mt-1 flex justify-end">
              <Button kind="quiet" onClick={() => model.dismissProblem()}>
                {t("common.dismiss")}
              </Button>
            </div>
          </div>
        )}
      </div>
      <Composer key={`composer ${model.key}`} />
    </>
  );
}

function ThreadSkeleton() {
  return (
    <div className="mx-auto w-full max-w-[46rem] min-h-0 flex-1 space-y-4 px-4 pt-6" aria-busy="true">
      <Skeleton className="ml-auto h-10 w-2/3" />
      <Skeleton className="h-4 w-40" />
      <Skeleton className="h-4 w-full" />
      <Skeleton className="h-4 w-11/12" />
      <Skeleton className="h-4 w-3/5" />
    </div>
  );
}
