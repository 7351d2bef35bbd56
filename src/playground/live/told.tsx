// What the last thing that a reader did to a live machine has done, and what went wrong with it.

interface ToldProps {
  readonly news: string | undefined;
  readonly fault: string | undefined;
}

export function Told({ news, fault }: ToldProps) {
  return (
    <>
      <p class="live-news" role="status">
        {news}
      </p>
      {fault !== undefined && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
    </>
  );
}
