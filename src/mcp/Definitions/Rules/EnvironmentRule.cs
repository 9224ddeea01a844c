using Mcp.V1;

namespace Mcp.Definitions.Rules;

/// <summary>The words and variables that a container starts with. Values are never part of a message.</summary>
internal static class EnvironmentRule
{
    public static void Check(ServiceSpec spec, ComponentSpec component, string key, SpecProblems problems)
    {
        var told = component.Routes.Select(r => PortVariable.Of(component, r)).OfType<string>().ToHashSet(StringComparer.Ordinal);
        var names = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < component.Env.Count; i++)
        {
            var at = $"{key}.env[{i}]";
            var equals = component.Env[i].IndexOf('=');
            var name = equals < 0 ? component.Env[i] : component.Env[i][..equals];
            if (equals < 0)
                problems.Add(at, $"has no =; a variable is written \"KEY=value\"");
            else if (!IsName(name))
                problems.Add(at, "has a name that is not letters, digits and _ (and . or -), beginning with a letter or _; a variable is written \"KEY=value\"");
            else if (component.Env[i].AsSpan().ContainsAny('\n', '\r'))
                problems.Add(at, $"{name} has a value of several lines; write them to a file and mount it, or name it in env_files");
            else if (told.Contains(name))
                problems.Add(at, $"{name} is set by the agent for a route without container_port; give the route a container_port, or leave the variable out");
            else if (!names.TryAdd(name, i))
                problems.Add(at, $"{name} is there already, as {key}.env[{names[name]}]");
        }
        for (var i = 0; i < component.EnvFiles.Count; i++)
            problems.AddIf($"{key}.env_files[{i}]", FileProblem(component.EnvFiles[i], spec.Name));
        problems.AddRepeated($"{key}.env_files", component.EnvFiles, "file");
    }

    private static string? FileProblem(string path, string service) =>
        PathText.AbsoluteProblem(path)
        ?? (HostPathRule.IsOwn(path, service) && path != HostPathRule.Own(service) ? null
            : $"\"{path}\" is not under {HostPathRule.Own(service)}/, where the files of this service are");

    private static bool IsName(string name) =>
        name.Length > 0 && (char.IsAsciiLetter(name[0]) || name[0] == '_') && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-');
}
