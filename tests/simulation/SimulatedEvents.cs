using System.Text.Json.Nodes;
using System.Threading.Channels;

namespace Mcp.Simulation;

/// <summary>What happened in a simulated runtime, kept for its life and told to whoever follows.</summary>
internal sealed class SimulatedEvents(TimeProvider clock)
{
    private readonly Lock _gate = new();
    private readonly List<(DateTimeOffset At, IReadOnlyDictionary<string, string> Labels, string Line)> _past = [];
    private readonly List<Channel<(IReadOnlyDictionary<string, string> Labels, string Line)>> _followers = [];

    /// <summary>A container did something: <c>create</c>, <c>start</c>, <c>died</c>, <c>remove</c>, <c>rename</c>.</summary>
    public void Happened(string action, SimulatedContainer container)
    {
        var now = clock.GetUtcNow();
        var attributes = new JsonObject(container.Labels.Select(l => KeyValuePair.Create<string, JsonNode?>(l.Key, l.Value)))
        {
            ["name"] = container.Name,
            ["image"] = container.Image,
        };
        if (action == "died")
            attributes["containerExitCode"] = $"{container.ExitCode}";
        var line = new JsonObject
        {
            ["Type"] = "container",
            ["Action"] = action,
            ["Actor"] = new JsonObject { ["ID"] = container.Id, ["Attributes"] = attributes },
            ["time"] = now.ToUnixTimeSeconds(),
            ["timeNano"] = (now - DateTimeOffset.UnixEpoch).Ticks * 100,
        }.ToJsonString();
        lock (_gate)
        {
            _past.Add((now, container.Labels, line));
            foreach (var follower in _followers)
                follower.Writer.TryWrite((container.Labels, line));
        }
    }

    /// <summary>Events since a time and those to come, one JSON text each, of containers with all of the labels.</summary>
    public async IAsyncEnumerable<string> FollowAsync(DateTimeOffset since, IReadOnlyList<string> labels, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        var channel = Channel.CreateUnbounded<(IReadOnlyDictionary<string, string> Labels, string Line)>();
        lock (_gate)
        {
            foreach (var (at, of, line) in _past.Where(p => p.At >= since))
                channel.Writer.TryWrite((of, line));
            _followers.Add(channel);
        }
        try
        {
            await foreach (var (of, line) in channel.Reader.ReadAllAsync(cancellation))
            {
                if (SimulatedContainers.Fit(of, labels))
                    yield return line;
            }
        }
        finally
        {
            lock (_gate)
                _followers.Remove(channel);
        }
    }
}
