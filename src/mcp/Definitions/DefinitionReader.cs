using Mcp.Toml;

namespace Mcp.Definitions;

/// <summary>
/// TOML text → definition, checked by the rules that master and agent run again. One pass finds everything: syntax, unknown keys, values of the
/// wrong kind, and every rule of the contract, in the order of the text.
/// </summary>
internal static class DefinitionReader
{
    private const string Later = "is not built yet and has no effect";
    private const string FromVersion1 = "is a key of version 1 and is not used";

    /// <summary>Reads a definition; <paramref name="file"/> is only the name that problems carry.</summary>
    public static DefinitionResult Read(string file, string text) => Read(TomlText.Read(file, text));

    /// <summary>Reads a definition from a file; a missing or unreadable file and a link are problems, not exceptions.</summary>
    public static DefinitionResult ReadFile(string path) => Read(TomlText.ReadFile(path, followLinks: false));

    private static DefinitionResult Read(TomlDocument document)
    {
        if (!document.IsWellFormed)
            return new DefinitionResult { File = document.File, Problems = document.Problems };

        var definition = ReadService(document.Root);
        document.RejectUnknown();

        // The rules see a spec, and name keys as the definition does: that is how a broken rule finds its line. What was already said about a
        // key (of the wrong kind, say, and so empty in the spec) is not said again in other words.
        var spec = SpecBuilder.Build(definition);
        var said = document.Problems.Select(p => p.Key).ToHashSet(StringComparer.Ordinal);
        foreach (var problem in SpecRules.Check(spec))
        {
            if (!said.Contains(problem.Key) && !document.IsBroken(problem.Key))
                document.AddProblem(problem.Key, problem.Message);
        }
        foreach (var (key, message) in DefinitionAdvice.Of(spec))
            document.AddWarning(key, message);

        return new DefinitionResult
        {
            File = document.File,
            Definition = definition,
            Spec = document.Problems.Count == 0 ? spec : null,
            Problems = document.Problems,
            Warnings = document.Warnings,
        };
    }

    private static ServiceDefinition ReadService(TomlTable table)
    {
        var definition = new ServiceDefinition
        {
            Name = table.String("name", ""),
            Tier = table.OptionalString("tier"),
            Node = table.OptionalString("node"),
            Active = table.OptionalBool("active"),
            AllowHostPaths = table.StringList("allow_host_paths"),
            Snapshot = table.OptionalTable("snapshot") is { } snapshot ? ReadSnapshot(snapshot) : null,
            Components = [.. table.ArrayOfTables("components").Select(ReadComponent)],
        };
        table.NotUsed("path", FromVersion1);
        table.NotUsed("build", FromVersion1);
        table.NotUsed("links", Later);
        return definition;
    }

    private static SnapshotDefinition ReadSnapshot(TomlTable table) => new()
    {
        Method = table.OptionalString("method"),
        Exclude = table.StringList("exclude"),
        Component = table.OptionalString("component"),
    };

    private static ComponentDefinition ReadComponent(TomlTable table)
    {
        var component = new ComponentDefinition
        {
            Name = table.String("name", ""),
            Image = table.String("image", ""),
            Network = table.OptionalString("network"),
            User = table.OptionalString("user"),
            Restart = table.OptionalString("restart"),
            Ports = table.StringList("ports"),
            Volumes = table.StringList("volumes"),
            Scratch = table.StringList("scratch"),
            Cmd = table.StringList("cmd"),
            Env = table.StringList("env"),
            EnvFiles = table.StringList("env_files"),
            Health = table.OptionalTable("health") is { } health ? ReadHealth(health) : null,
            Routes = [.. table.ArrayOfTables("routes").Select(ReadRoute)],
        };
        table.NotUsed("links", Later);
        return component;
    }

    private static HealthDefinition ReadHealth(TomlTable table) => new()
    {
        Type = table.OptionalString("type"),
        Port = table.OptionalPort("port"),
        Path = table.OptionalString("path"),
        Interval = table.OptionalDuration("interval"),
        Timeout = table.OptionalDuration("timeout"),
        Cmd = table.StringList("cmd"),
    };

    private static RouteDefinition ReadRoute(TomlTable table) => new()
    {
        Name = table.OptionalString("name"),
        Port = table.OptionalPort("port"),
        Mode = table.OptionalString("mode"),
        ContainerPort = table.OptionalPort("container_port"),
        Hostname = table.OptionalString("hostname"),
        Public = table.OptionalBool("public"),
        BackendTls = table.OptionalBool("backend_tls"),
    };
}
