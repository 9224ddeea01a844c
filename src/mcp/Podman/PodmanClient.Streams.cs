using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Mcp.Podman;

internal sealed partial class PodmanClient
{
    /// <summary>
    /// The container's log, line by line, both streams in the order conmon read them. Ends with the log, or with the container when following.
    /// </summary>
    /// <exception cref="PodmanException">No such container, or podman went away: never a silent end that looks like an empty log.</exception>
    public async IAsyncEnumerable<LogLine> LogsAsync(string id, LogQuery query, [EnumeratorCancellation] CancellationToken ct)
    {
        // Timestamps are always asked for: only they tell the continuation of a long line from a new one.
        var path = $"containers/{Segment(id)}/logs" + Query(
            ("stdout", "true"), ("stderr", "true"), ("timestamps", "true"),
            ("follow", query.Follow ? "true" : "false"),
            ("since", query.Since is { } since ? Number(since.ToUnixTimeSeconds()) : null),
            ("tail", query.Tail is { } tail ? Number(tail) : null));
        await using var stream = await OpenQuietAsync(path, ct);
        var frames = new FrameReader(stream, this);
        var lines = new LogLines(Limits.LogLineBytes);
        while (await frames.NextAsync(ct) is { } frame)
        {
            foreach (var line in lines.Add(frame))
                yield return line;
        }
        foreach (var line in lines.Rest())
            yield return line;
    }

    /// <summary>What happens in podman, from now or from an earlier time, until the caller ends it.</summary>
    /// <exception cref="PodmanException">Podman went away, restarted or hangs: look again at everything and subscribe anew.</exception>
    public async IAsyncEnumerable<PodmanEvent> EventsAsync(EventQuery query, [EnumeratorCancellation] CancellationToken ct)
    {
        var filters = new Dictionary<string, string[]>();
        if (query.Type is not null)
            filters["type"] = [query.Type];
        if (query.Labels.Count > 0)
            filters["label"] = [.. query.Labels];
        // The answer's head comes with the first event, so nobody can tell when the subscription stands: events are asked for from the time of
        // the call on, and none is missed. Podman compares whole seconds; a few earlier ones may come along.
        var since = query.Since ?? _clock.GetUtcNow();
        var path = "events" + Query(
            ("stream", "true"),
            ("since", Number(since.ToUnixTimeSeconds())),
            ("filters", JsonSerializer.Serialize(filters, PodmanJson.Default.DictionaryStringStringArray)));
        await using var stream = await OpenQuietAsync(path, ct);
        var lines = new JsonLines(stream, this);
        while (await lines.NextAsync(ct) is { } line)
        {
            using (line)
                yield return EventReading.Event(line.RootElement);
        }
        throw new PodmanException(PodmanFailure.Unreachable, stream.What, "the stream of events ended");
    }

    /// <summary>Podman sends the head of a stream together with its first bytes, which may be hours away.</summary>
    private Task<PodmanStream> OpenQuietAsync(string path, CancellationToken ct) =>
        WhileProbingAsync(token => _transport.OpenAsync(HttpMethod.Get, path, null, Timeout.InfiniteTimeSpan, token), ct);

    /// <summary>
    /// Runs a call that may rightly be silent for long, and asks podman from time to time on another connection whether it is still there.
    /// </summary>
    internal async Task<T> WhileProbingAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken ct)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var work = call(both.Token);
        try
        {
            while (!work.IsCompleted)
            {
                using var pause = CancellationTokenSource.CreateLinkedTokenSource(ct);
                await Task.WhenAny(work, Task.Delay(Limits.SilenceProbe, _clock, pause.Token));
                await pause.CancelAsync();
                if (!work.IsCompleted)
                    await PingAsync(ct);
            }
        }
        catch
        {
            // The call cannot succeed any more; it is ended before leaving, so that nothing is left running or unobserved.
            await both.CancelAsync();
            await ((Task)work).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
        return await work;
    }
}
