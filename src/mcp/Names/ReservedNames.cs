namespace Mcp.Names;

/// <summary>
/// Names that no service may take: those of the control plane itself, whose directories lie beside the services', and those
/// that the command line would take for a verb (`mcp snapshot list` must not mean a service called "list").
/// </summary>
internal static class ReservedNames
{
    /// <summary>The one reserved name that a service may have: the master run as a service of its own node's agent.</summary>
    public const string MasterService = "mcp-master";

    private static readonly HashSet<string> Verbs = new(StringComparer.Ordinal)
    {
        "accept", "add", "adopt", "all", "agent", "boot", "ca", "cert", "check", "completion", "cordon", "create", "data", "deploy", "dev", "dns",
        "doctor", "download", "drill", "edge", "edit", "events", "export", "get", "help", "history", "image", "import", "init", "install", "join", "list",
        "login", "logs", "master", "migrate", "new", "node", "operator", "pin", "plan", "provision", "proxy", "ps", "pull", "purge", "push",
        "recover", "release", "remove", "restart", "restore", "rollback", "route", "run", "self", "service", "set", "show", "sign", "snapshot",
        "start", "status", "stop", "sync", "uncordon", "undeploy", "undo", "uninstall", "upgrade", "verify", "version", "watch",
    };

    /// <summary>Says why <paramref name="name"/> cannot be a service, or null.</summary>
    public static string? ServiceProblem(string name) =>
        name == "mcp" || (name.StartsWith("mcp-", StringComparison.Ordinal) && name != MasterService)
            ? "is reserved: 'mcp' and 'mcp-…' are the control plane's own"
            : VerbProblem(name);

    /// <summary>Says why <paramref name="name"/> would be taken for a command, or null.</summary>
    public static string? VerbProblem(string name) =>
        Verbs.Contains(name) ? "is a command of mcp and cannot be a name" : null;
}
