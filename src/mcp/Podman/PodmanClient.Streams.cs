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
        await using var stream = await _transport.OpenAsync(HttpMethod.Get, path, null, Limits.Read, ct);
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
        var path = "events" + Query(
            ("stream", "true"),
            ("since", query.Since is { } since ? Number(since.ToUnixTimeSeconds()) : null),
            ("filters", JsonSerializer.Serialize(filters, PodmanJson.Default.DictionaryStringStringArray)));
        await using var stream = await _transport.OpenAsync(HttpMethod.Get, path, null, Limits.Read, ct);
        var lines = new JsonLines(stream, this);
        while (await lines.NextAsync(ct) is { } line)
        {
            using (line)
                yield return EventReading.Event(line.RootElement);
        }
        throw new PodmanException(PodmanFailure.Unreachable, stream.What, "the stream of events ended");
    }

    /// <summary>
    /// Runs a call that may rightly be silent for long, and asks podman from time to time on another connection whether it is still there.
    /// </summary>
    internal async Task<T> WhileProbingAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken ct)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var work = call(both.Token);
        while (true)
        {
            using var pause = CancellationTokenSource.CreateLinkedTokenSource(ct);
            await Task.WhenAny(work, Task.Delay(Limits.SilenceProbe, _clock, pause.Token));
            await pause.CancelAsync();
            if (work.IsCompleted || ct.IsCancellationRequested)
                return await work;
            try
            {
                await PingAsync(ct);
            }
            catch (PodmanException)
            {
                // The call cannot succeed any more; end it before leaving, so that nothing is left running or unobserved.
                await both.CancelAsync();
                await work.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
                throw;
            }
        }
    }
}
