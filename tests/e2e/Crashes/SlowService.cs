using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Crashes;

/// <summary>A service for tests that must catch a deploy under way: it becomes healthy as late as is wished, and keeps what it wrote.</summary>
internal static class SlowService
{
    /// <summary>Its definition.</summary>
    /// <param name="service">Its name.</param>
    /// <param name="round">In its environment as ROUND.</param>
    /// <param name="seconds">How long after its start it is healthy.</param>
    /// <param name="node">Where it is pinned to; empty: nowhere.</param>
    public static string Text(string service, int round, int seconds = 0, string node = "") => $$"""
        name = "{{service}}"
        {{(node.Length > 0 ? $"node = \"{node}\"" : "")}}

        [[components]]
        name    = "{{service}}"
        image   = "{{TestPodman.BusyboxImage}}"
        user    = "0:0"
        cmd     = ["sh", "-c", "trap 'exit 0' TERM; [ -e /data/written ] || echo kept > /data/written; sleep {{seconds}} & wait $!; httpd -f -p $PORT -h /tmp & wait"]
        env     = ["ROUND={{round}}"]
        volumes = ["/srv/{{service}}/data:/data"]

        [components.health]
        type     = "tcp"
        interval = "200ms"
        timeout  = "60s"

        [[components.routes]]
        name = "web"
        port = 8443
        mode = "l4"
        """;

    /// <summary>Writes it for a fleet and returns its path.</summary>
    public static string Define(SplitFleet fleet, string service, int round, int seconds = 0) => fleet.Define(service, Text(service, round, seconds));
}
