using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Podman;
using Mcp.Toml;

namespace Mcp.Agent.Configuration;

/// <summary>Reads <c>mcp-agent.toml</c>: every key of the contract is known, and every mistake is told at once with its line.</summary>
internal static class AgentConfigurationReader
{
    /// <summary>Where the file lies unless said otherwise.</summary>
    public const string DefaultPath = "/srv/mcp/mcp-agent.toml";

    /// <summary>Reads and checks the file.</summary>
    /// <exception cref="McpException">InvalidArgument with every problem.</exception>
    public static AgentConfiguration ReadFile(string path) => Read(TomlText.ReadFile(path));

    /// <summary>As <see cref="ReadFile"/>, from text; <paramref name="file"/> is what problems name.</summary>
    public static AgentConfiguration Read(string file, string text) => Read(TomlText.Read(file, text));

    private static AgentConfiguration Read(TomlDocument document)
    {
        var root = document.Root;
        var node = root.Table("node");
        var name = Name(node);
        var role = node.Choice("role", "worker", "master", "worker", "edge");
        var address = node.RequiredString("address");
        var dataRoot = AbsolutePath(root.Table("data"), "root", "/srv");
        var home = Path.Combine(dataRoot, "mcp");
        var server = root.Table("server");
        var certificate = AbsolutePath(server, "tls_cert", Path.Combine(home, "certs", "agent.pem"));
        var podman = root.Table("podman");
        var own = podman.OptionalString("socket");
        var configuration = new AgentConfiguration
        {
            Name = name,
            Role = role,
            Address = address,
            Listen = server.StringOrList("grpc_addr", ":9444"),
            Socket = server.String("socket", "/run/mcp-agent/agent.sock"),
            TlsCertificate = certificate,
            TlsKey = AbsolutePath(server, "tls_key", certificate),
            CaCertificate = AbsolutePath(root.Table("tls"), "ca_cert", Path.Combine(home, "certs", "ca.pem")),
            Database = AbsolutePath(root.Table("database"), "path", Path.Combine(home, "mcp.db")),
            MasterAddress = root.Table("master").OptionalString("address"),
            DataRoot = dataRoot,
            PodmanSocket = own ?? PodmanClient.DefaultSocketPath,
            // Under systemd podman lives in its own unit; without one the agent brings its own.
            OwnPodmanService = own is null && !Directory.Exists("/run/systemd/system"),
            AuthFile = podman.OptionalString("auth_file") ?? (File.Exists(Path.Combine(home, "auth.json")) ? Path.Combine(home, "auth.json") : null),
            Policy = ReadPolicy(root.Table("policy"), dataRoot),
            Ports = ReadPorts(root.Table("ports")),
            Edge = ReadEdge(root.Table("edge")),
            Monitor = ReadMonitor(root.Table("monitor")),
            OwnershipWait = ReadBoot(root.Table("boot")),
            LogLevel = root.Table("log").Choice("level", "info", "debug", "info", "warning", "error"),
            LogFormat = root.Table("log").Choice("format", "text", "text", "json"),
        };
        if (root.Table("identity").Choice("provider", "fleet", "fleet", "mcias") == "mcias")
            root.Table("identity").AddProblem("provider", "\"mcias\" is not built yet; \"fleet\" is");
        if (root.OptionalTable("proxy") is { } proxy)
            proxy.NotUsed("socket", "this version has no proxy yet");
        if (root.OptionalTable("metrics") is { } metrics)
            metrics.NotUsed("addr", "metrics are not built yet");
        document.RejectUnknown();
        document.ThrowIfWrong("the agent's configuration");
        return configuration;
    }

    private static string Name(TomlTable node)
    {
        var text = node.RequiredString("name");
        if (text.Length > 0 && !NodeName.TryParse(text, out _, out var problem))
            node.AddProblem("name", $"'{text}' {problem}");
        return text;
    }

    private static string AbsolutePath(TomlTable table, string key, string fallback)
    {
        var path = table.String(key, fallback);
        if (!Path.IsPathRooted(path))
            table.AddProblem(key, $"'{path}' is not an absolute path");
        return path;
    }

    private static NodePolicy ReadPolicy(TomlTable policy, string dataRoot) => new()
    {
        HostPaths = policy.StringList("host_paths"),
        HostNetwork = policy.Bool("host_network", false),
        PublicPorts = policy.PortList("public_ports"),
        DataRoot = dataRoot,
    };

    private static (int, int) ReadPorts(TomlTable ports)
    {
        var first = ports.Port("first", 10000);
        var last = ports.Port("last", 32000);
        if (first < 1024)
            ports.AddProblem("first", "must be at least 1024");
        if (last < first)
            ports.AddProblem("last", $"must not be below first ({first})");
        return (first, last);
    }

    private static EdgeSettings ReadEdge(TomlTable edge) =>
        new(edge.String("zone", ""), edge.StringList("allowed_domains"), edge.StringList("backend_cidrs"));

    private static MonitorSettings ReadMonitor(TomlTable monitor)
    {
        var defaults = new MonitorSettings();
        var settings = new MonitorSettings
        {
            Interval = monitor.Duration("interval", defaults.Interval),
            AlertCommand = monitor.StringList("alert_command"),
            Cooldown = monitor.Duration("cooldown", defaults.Cooldown),
            FlapThreshold = (int)monitor.Integer("flap_threshold", defaults.FlapThreshold, 2, 1000),
            FlapWindow = monitor.Duration("flap_window", defaults.FlapWindow),
            Retention = monitor.Duration("retention", defaults.Retention),
        };
        if (settings.Interval < TimeSpan.FromSeconds(1))
            monitor.AddProblem("interval", "must be at least 1s");
        return settings;
    }

    // The boot sequence itself is a later version's; its keys are checked now, so that a file is right or wrong once and for all.
    private static TimeSpan ReadBoot(TomlTable boot)
    {
        foreach (var stage in boot.ArrayOfTables("sequence"))
        {
            stage.RequiredString("name");
            stage.StringList("services");
            stage.OptionalDuration("timeout");
            stage.Choice("health", "tcp", "tcp", "grpc", "http");
            stage.Choice("on_failure", "continue", "block", "continue");
            stage.AddWarning("name", "the boot sequence is not built yet; all desired services start together");
        }
        return boot.Duration("ownership_wait", TimeSpan.FromSeconds(20));
    }
}
