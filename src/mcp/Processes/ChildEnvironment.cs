using System.Collections;

namespace Mcp.Processes;

/// <summary>What a child inherits of our environment.</summary>
internal static class ChildEnvironment
{
    /// <summary>
    /// Our environment without what systemd gave to us alone: a child that writes to our NOTIFY_SOCKET speaks for us, one that reads LISTEN_* or
    /// WATCHDOG_* takes for its own what is ours.
    /// </summary>
    public static Dictionary<string, string> Inherited()
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            var name = (string)variable.Key;
            if (name != "NOTIFY_SOCKET" && !name.StartsWith("WATCHDOG_", StringComparison.Ordinal) && !name.StartsWith("LISTEN_", StringComparison.Ordinal))
                environment[name] = (string?)variable.Value ?? "";
        }
        return environment;
    }
}
