using Mcp.Cli.Output;
using Mcp.Definitions;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Cli.Configuration;

/// <summary>The definitions on the operator's machine: one file a service, named after it.</summary>
internal static class ServiceFiles
{
    /// <summary>Where the definition of <paramref name="service"/> is, or would be.</summary>
    /// <exception cref="McpException">There is no folder of definitions on this machine.</exception>
    public static string PathOf(CliConfiguration? configuration, string service) => configuration is null
        ? throw new McpException(FaultCode.InvalidArgument, "there is no folder of definitions here, because this machine is not logged in") { Hint = "name the file: -f <file>" }
        : Path.Combine(configuration.ServicesFolder, service + ".toml");

    /// <summary>Reads the definition of <paramref name="service"/> from <paramref name="path"/>: every mistake at once, warnings to the operator.</summary>
    /// <exception cref="McpException">There is no such file, it is wrong, or it defines another service.</exception>
    public static ServiceSpec Load(string path, string service, Reporter reporter)
    {
        if (!File.Exists(path))
            throw Missing(path, service);
        var result = DefinitionReader.ReadFile(path);
        if (result.Spec is not { } spec)
        {
            throw new McpException(FaultCode.InvalidArgument, $"the definition has {result.Problems.Count} mistake{(result.Problems.Count == 1 ? "" : "s")}; nothing was sent")
            {
                Problems = result.Problems,
                Hint = $"mend {path}, then try again",
            };
        }
        foreach (var warning in result.Warnings)
            reporter.Warning(warning.ToString());
        return spec.Name == service ? spec : throw new McpException(FaultCode.InvalidArgument, $"{path} defines service '{spec.Name}', not '{service}'")
        {
            Hint = $"mcp deploy {spec.Name} -f {path}",
        };
    }

    /// <summary>
    /// Reads the whole folder of definitions, or those of <paramref name="names"/>. One file with a mistake stops everything, with the mistakes of all:
    /// a definition that cannot be read must never look like one that was taken away.
    /// </summary>
    /// <exception cref="McpException">There is no folder, it is empty, a named definition is missing, or a file is wrong.</exception>
    public static IReadOnlyList<ServiceSpec> LoadAll(CliConfiguration? configuration, IReadOnlyList<string> names, Reporter reporter)
    {
        if (configuration is null)
            throw new McpException(FaultCode.InvalidArgument, "there is no folder of definitions here, because this machine is not logged in") { Hint = "mcp login <master-address>" };
        var folder = configuration.ServicesFolder;
        var paths = names.Count > 0 ? [.. names.Select(n => PathOf(configuration, n))]
            : Directory.Exists(folder) ? Directory.GetFiles(folder, "*.toml").Where(f => !Path.GetFileName(f).StartsWith('.')).Order(StringComparer.Ordinal).ToList()
            : throw new McpException(FaultCode.NotFound, $"there is no folder of definitions {folder}") { Hint = "mcp service new <service>" };
        if (paths.Find(p => !File.Exists(p)) is { } missing)
            throw Missing(missing, Path.GetFileNameWithoutExtension(missing));
        // Nothing that could be a typing error may mean "remove everything".
        if (paths.Count == 0)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"{folder} has no definitions; a plan of an empty folder would remove every service, so it is refused")
            {
                Hint = "is it the right folder ([services] dir in mcp.toml)? To remove one service: mcp undeploy <service>",
            };
        }
        var results = paths.ConvertAll(p => DefinitionReader.ReadFile(p));
        var problems = results.SelectMany(r => r.Problems).ToList();
        problems.AddRange(results.Where(r => r.Spec is { } s && s.Name != Path.GetFileNameWithoutExtension(r.File))
            .Select(r => new TextProblem(r.File, 0, 0, "name", $"is \"{r.Spec!.Name}\", and the file of a service is called after it: {r.Spec.Name}.toml")));
        if (problems.Count > 0)
        {
            throw new McpException(FaultCode.InvalidArgument, $"{problems.Select(p => p.File).Distinct().Count()} of {paths.Count} definitions have mistakes; nothing was sent")
            {
                Problems = problems,
                Hint = $"mend {problems[0].File}, then try again",
            };
        }
        foreach (var warning in results.SelectMany(r => r.Warnings))
            reporter.Warning(warning.ToString());
        return results.ConvertAll(r => r.Spec!);
    }

    private static McpException Missing(string path, string service)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var known = Directory.Exists(folder) ? Directory.GetFiles(folder, "*.toml").Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal).ToList() : [];
        var meant = Suggestion.Nearest(service, known);
        return new McpException(FaultCode.NotFound, $"there is no definition of '{service}': {path} does not exist")
        {
            Cause = meant is not null ? $"did you mean '{meant}'?" : known.Count > 0 ? $"{folder} has {string.Join(", ", known.Take(20))}" : $"{folder} has no definitions",
            Hint = $"mcp service new {service}",
        };
    }
}
