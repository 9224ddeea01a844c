using Google.Protobuf.WellKnownTypes;
using Mcp.V1;

namespace Mcp.Definitions.Rules;

/// <summary>How the agent finds out that a container works.</summary>
internal static class HealthRule
{
    private const long Second = 1000;
    private const long Hour = 3600 * Second;

    public static void Check(ComponentSpec component, string key, SpecProblems problems)
    {
        if (component.Health is not { } health)
            return;
        key += ".health";
        if (health.Type is not ("tcp" or "http" or "grpc" or "exec"))
        {
            problems.Add($"{key}.type", (health.Type.Length == 0 ? "is missing" : $"is \"{health.Type}\"") + "; allowed are \"tcp\", \"http\", \"grpc\" and \"exec\"");
            return;
        }

        var exec = health.Type == "exec";
        if (exec && health.Port != 0)
            problems.Add($"{key}.port", "has no meaning with type \"exec\"");
        else if (!exec && health.Port > 65535)
            problems.Add($"{key}.port", $"is {health.Port}; allowed are 1 to 65535");
        else if (!exec && health.Port == 0 && component.Routes.Count != 1)
            problems.Add($"{key}.port", $"is missing; type \"{health.Type}\" needs the container's port, unless the component has exactly one route");

        if (health.Type != "http" && health.Path.Length > 0)
            problems.Add($"{key}.path", $"has no meaning with type \"{health.Type}\"; only \"http\" has a path");
        else if (health.Type == "http" && !IsPath(health.Path))
            problems.Add($"{key}.path", "is not the path of a URL, as \"/healthz\"");

        if (exec && (health.Cmd.Count == 0 || health.Cmd[0].Length == 0))
            problems.Add($"{key}.cmd", "is missing; type \"exec\" needs cmd = [\"command\", \"argument\"]");
        else if (!exec && health.Cmd.Count > 0)
            problems.Add($"{key}.cmd", $"has no meaning with type \"{health.Type}\"; only \"exec\" has a cmd");

        var interval = Milliseconds(health.Interval);
        var timeout = Milliseconds(health.Timeout);
        if (interval is not (>= 100 and <= Hour))
            problems.Add($"{key}.interval", "is not a duration of whole milliseconds from 100ms to 1h");
        if (timeout is not (>= Second and <= Hour))
            problems.Add($"{key}.timeout", "is not a duration of whole milliseconds from 1s to 1h");
        else if (timeout < interval)
            problems.Add($"{key}.timeout", "is shorter than interval; it is the whole time from the start until the check must have succeeded");
    }

    /// <summary>Null when it is not whole milliseconds, or not a valid duration (protobuf's own conversion would throw).</summary>
    private static long? Milliseconds(Duration duration) =>
        duration.Seconds is < 0 or > 1_000_000 || duration.Nanos is < 0 or > 999_999_999 || duration.Nanos % 1_000_000 != 0
            ? null
            : duration.Seconds * Second + duration.Nanos / 1_000_000;

    private static bool IsPath(string path) => path.Length is >= 1 and <= 2048 && path[0] == '/' && path.All(c => c is > ' ' and <= '~' and not '#');
}
