import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { SquarePen } from "lucide-react";
import { useRef } from "react";
import { useTranslation } from "react-i18next";
import { getJson } from "@/api/client";
import { asProblem } from "@/api/problem";
import type { ConversationSummary, ListPage } from "@/api/types";
import { ageOf, type Age } from "@/lib/format";
import { moveRowFocus, useHotkeys } from "@/lib/hotkeys";
import { Button, IconButton } from "@/ui/Button";
import { ProblemNotice } from "@/ui/ProblemNotice";
import { SearchField } from "@/ui/SearchField";
import { Skeleton } from "@/ui/parts";

const route = getRouteApi("/app/chat/{-$conversationId}");
const PAGE = 50;

function useConversations(find: string) {
  return useInfiniteQuery({
    queryKey: ["conversations", find],
    queryFn: ({ pageParam, signal }) =>
      getJson<ListPage<ConversationSummary>>("/conversations", { q: find, limit: PAGE, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
}

function groupByAge(items: ConversationSummary[]): [Age, ConversationSummary[]][] {
  const groups = new Map<Age, ConversationSummary[]>();
  for (const item of items) {
    const age = ageOf(item.updated_at);
    groups.set(age, [...(groups.get(age) ?? []), item]);
  }
  return [...groups];
}

interface ConversationListProps {
  current: string | undefined;
  onPick: () => void;
  onNew: () => void;
}

export function ConversationList({ current, onPick, onNew }: ConversationListProps) {
  const { t } = useTranslation();
  const find = route.useSearch({ select: (search) => search.find ?? "" });
  const navigate = route.useNavigate();
  const list = useRef<HTMLDivElement>(null);
  const query = useConversations(find);
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  useHotkeys({ j: () => moveRowFocus(list.current, 1), k: () => moveRowFocus(list.current, -1) });
  return (
    <>
      <div className="flex shrink-0 items-center gap-1 p-2">
        <SearchField
          label={t("chat.findConversation")}
          value={find}
          onChange={(value) => void navigate({ search: (old) => ({ ...old, find: value === "" ? undefined : value }), replace: true })}
          className="min-w-0 flex-1"
        />
        <IconButton label={t("chat.new")} onClick={onNew}>
          <SquarePen size={16} aria-hidden="true" />
        </IconButton>
      </div>
      <nav ref={list} aria-label={t("chat.conversations")} className="min-h-0 flex-1 overflow-y-auto px-2 pb-2">
        {query.isPending && <ListSkeleton />}
        {query.isError && <ProblemNotice problem={asProblem(query.error)} onRetry={() => void query.refetch()} />}
        {query.isSuccess && items.length === 0 && (
          <p className="px-2 py-6 text-center text-ink-3">{t(find === "" ? "chat.noConversations" : "chat.noneFound")}</p>
        )}
        {groupByAge(items).map(([age, group]) => (
          <section key={age} aria-label={t(`ages.${age}`)}>
            <h2 className="px-2 pt-3 pb-1 text-xs font-medium text-ink-3">{t(`ages.${age}`)}</h2>
            <ul>
              {group.map((item) => (
                <li key={item.id}>
                  <Link
                    from="/chat/{-$conversationId}"
                    to="/chat/{-$conversationId}"
                    params={{ conversationId: item.id }}
                    search={(old) => ({ find: old.find })}
                    onClick={onPick}
                    data-row=""
                    data-selected={item.id === current}
                    title={item.title}
                    className="block h-8 truncate rounded-md px-2 leading-8 text-ink-2 hover:bg-hover hover:text-ink aria-[current=page]:bg-accent-soft aria-[current=page]:font-medium aria-[current=page]:text-ink touch:h-11 touch:leading-11"
                  >
                    {item.title}
                  </Link>
                </li>
              ))}
            </ul>
          </section>
        ))}
        {query.hasNextPage && (
          <Button kind="quiet" className="mt-2 w-full" disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            {t("common.more")}
          </Button>
        )}
      </nav>
    </>
  );
}

function ListSkeleton() {
  return (
    <div className="space-y-3 px-2 pt-4" aria-busy="true">
      {["w-4/5", "w-3/5", "w-11/12", "w-2/3", "w-3/4"].map((width) => (
        <Skeleton key={width} className={`h-4 ${width}`} />
      ))}
    </div>
  );
}
