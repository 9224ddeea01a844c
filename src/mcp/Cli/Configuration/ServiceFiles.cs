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
