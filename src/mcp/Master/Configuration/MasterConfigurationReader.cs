using Mcp.Errors;
using Mcp.Names;
using Mcp.Placement;
using Mcp.Toml;

namespace Mcp.Master.Configuration;

/// <summary>Reads <c>mcp-master.toml</c>; every mistake at once, an unknown key too.</summary>
internal static class MasterConfigurationReader
{
    /// <summary>Where the file is unless told otherwise.</summary>
    public const string DefaultPath = "/srv/mcp-master/mcp-master.toml";

    /// <summary>Reads the file; relative paths in it are relative to its folder.</summary>
    /// <exception cref="McpException">The file is missing or wrong; all problems are named.</exception>
    public static MasterConfiguration ReadFile(string path)
    {
        path = Path.GetFullPath(path);
        if (!File.Exists(path))
        {
            throw new McpException(FaultCode.NotFound, $"the master's configuration {path} does not exist")
            {
                Hint = "mcp master init --domain <domain> --address <host:port>, or name the file: mcp master run --config <file>",
            };
        }
        return Take(TomlText.ReadFile(path), Path.GetDirectoryName(path)!);
    }

    /// <summary>Reads <paramref name="text"/>; <paramref name="file"/> is only the name that problems carry.</summary>
    /// <exception cref="McpException">The text is wrong; all problems are named.</exception>
    public static MasterConfiguration Read(string file, string text) => Take(TomlText.Read(file, text), Path.GetDirectoryName(Path.GetFullPath(file))!);

    private static MasterConfiguration Take(TomlDocument document, string folder)
    {
        var root = document.Root;
        var dataRoot = root.Table("data").OptionalString("root");
        var home = dataRoot is null ? folder : Path.GetFullPath(Path.Combine(dataRoot, "mcp-master"), folder);
        string At(string? given, params string[] fallback) => given is null ? Path.Combine([home, .. fallback]) : Path.GetFullPath(given, folder);

        var server = root.Table("server");
        var fleet = root.Table("fleet");
        var domain = Named(fleet, "domain", fleet.RequiredString("domain"));
        var listen = server.StringOrList("grpc_addr", $":{MasterConfiguration.DefaultPort}");
        var certificate = At(server.OptionalString("tls_cert"), "certs", "master.pem");
        if (server.OptionalString("tls_key") is { } key && Path.GetFullPath(key, folder) != certificate)
            server.AddProblem("tls_key", "must name the same file as tls_cert: key and chain are one file, so that no kill can part them");
        var identity = root.Table("identity");
        var edge = root.Table("edge");
        var registration = root.Table("registration");
        var snapshots = root.Table("snapshots");
        var alerts = root.Table("alerts");
        var configuration = new MasterConfiguration
        {
            Home = home,
            Listen = listen,
            Socket = server.String("socket", "/run/mcp-master/master.sock"),
            Address = server.OptionalString("address") ?? "",
            TlsCertificate = certificate,
            CaCertificate = At(root.Table("tls").OptionalString("ca_cert"), "certs", "ca.pem"),
            CaFolder = At(root.Table("ca").OptionalString("dir"), "ca"),
            FleetName = fleet.String("name", "default"),
            Domain = domain,
            Zone = Named(fleet, "zone", fleet.String("zone", "svc." + domain)),
            Database = At(root.Table("database").OptionalString("path"), "master.db"),
            IdentityProvider = identity.Choice("provider", "fleet", "fleet", "mcias"),
            AllowedDomains = Domains(edge, "allowed_domains"),
            BackendCidrs = edge.StringList("backend_cidrs"),
            AllowedAgents = registration.StringList("allowed_agents"),
            MaxNodes = (int)registration.Integer("max_nodes", 16, 1, 10_000),
            ScheduleOnMaster = root.Table("placement").Choice("schedule_on_master", "fallback", "fallback", "always", "never") switch
            {
                "always" => ScheduleOnMaster.Always,
                "never" => ScheduleOnMaster.Never,
                _ => ScheduleOnMaster.Fallback,
            },
            Timeouts = Timeouts(root.Table("timeouts")),
            Snapshots = new SnapshotSettings(At(snapshots.OptionalString("dir"), "snapshots"))
            {
                Interval = snapshots.Duration("interval", TimeSpan.FromHours(24)),
                Retain = (int)snapshots.Integer("retain", 7, 1, 10_000),
                Drill = snapshots.Duration("drill", TimeSpan.FromDays(7)),
            },
            KeepSource = root.Table("migration").Duration("keep_source", TimeSpan.FromDays(7)),
            AlertCommand = alerts.StringList("command"),
            AlertCooldown = alerts.Duration("cooldown", TimeSpan.FromMinutes(15)),
            DnsProvider = root.Table("dns").Choice("provider", "none", "none", "rfc2136", "mcns", "embedded"),
            Nodes = [.. root.ArrayOfTables("nodes").Select(Node)],
            LogLevel = root.Table("log").Choice("level", "info", "debug", "info", "warning", "error"),
            LogFormat = root.Table("log").Choice("format", "text", "text", "json"),
        };
        if (configuration.IdentityProvider == "mcias")
            identity.AddProblem("provider", "\"mcias\" is not yet built; use \"fleet\"");
        if (configuration.DnsProvider != "none")
            root.Table("dns").AddProblem("provider", $"\"{configuration.DnsProvider}\" is not yet built; use \"none\" (addresses travel in the calls)");
        document.RejectUnknown();
        document.ThrowIfWrong("the master's configuration is wrong");
        return configuration;
    }

    private static MasterTimeouts Timeouts(TomlTable table)
    {
        var standard = new MasterTimeouts();
        return new MasterTimeouts
        {
            Deploy = Positive(table, "deploy", standard.Deploy),
            EdgeRoute = Positive(table, "edge_route", standard.EdgeRoute),
            HealthCheck = Positive(table, "health_check", standard.HealthCheck),
            Undeploy = Positive(table, "undeploy", standard.Undeploy),
            Snapshot = Positive(table, "snapshot", standard.Snapshot),
        };
    }

    private static TimeSpan Positive(TomlTable table, string key, TimeSpan fallback)
    {
        var value = table.Duration(key, fallback);
        if (value <= TimeSpan.Zero)
            table.AddProblem(key, "must be longer than nothing, as \"30s\"");
        return value;
    }

    private static BootstrapNode Node(TomlTable table)
    {
        var node = new BootstrapNode(table.RequiredString("name"), table.OptionalString("address") ?? "", table.Choice("role", "worker", "master", "worker", "edge"));
        if (node.Name.Length > 0 && !NodeName.TryParse(node.Name, out _, out var problem))
            table.AddProblem("name", problem);
        return node;
    }

    private static string Named(TomlTable table, string key, string value)
    {
        if (value.Length > 0 && !Hostname.TryParse(value, out _, out var problem))
            table.AddProblem(key, problem);
        return value;
    }

    private static IReadOnlyList<string> Domains(TomlTable table, string key)
    {
        var domains = table.StringList(key);
        foreach (var domain in domains)
        {
            if (!Hostname.TryParse(domain, out _, out var problem))
                table.AddProblem(key, $"'{domain}' {problem}");
        }
        return domains;
    }
}
