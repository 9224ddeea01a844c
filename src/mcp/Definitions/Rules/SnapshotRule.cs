using Mcp.V1;

namespace Mcp.Definitions.Rules;

/// <summary>How the service's data is made ready and what is left out.</summary>
internal static class SnapshotRule
{
    private const int MaxPattern = 1024;

    public static void Check(ServiceSpec spec, SpecProblems problems)
    {
        if (spec.Snapshot is not { } snapshot)
            return;
        if (!SnapshotMethod.TryParse(snapshot.Method, out var method, out var problem))
            problems.Add("snapshot.method", problem);

        var component = spec.Components.FirstOrDefault(c => c.Name == snapshot.Component);
        if (snapshot.Component.Length > 0 && component is null)
            problems.Add("snapshot.component", $"is \"{snapshot.Component}\"; the components are {string.Join(", ", spec.Components.Select(c => c.Name))}");
        else if (snapshot.Component.Length == 0 && method is { NeedsComponent: true } && spec.Components.Count > 0)
            problems.Add("snapshot.component", $"is missing; of several components, method \"{snapshot.Method}\" needs the one to talk to");
        if (method?.Kind == SnapshotMethodKind.Grpc && component is { Routes.Count: 0 })
            problems.Add("snapshot.method", $"is \"grpc\", but component \"{component.Name}\" has no route to call");

        for (var i = 0; i < snapshot.Excludes.Count; i++)
            problems.AddIf($"snapshot.exclude[{i}]", PatternProblem(snapshot.Excludes[i], spec.Name));
        problems.AddRepeated("snapshot.exclude", snapshot.Excludes, "pattern");
    }

    private static string? PatternProblem(string pattern, string service)
    {
        var form = $"patterns are relative to /srv/{service}/, as \"layers/\"";
        if (pattern.Length is 0 or > MaxPattern)
            return $"is empty or longer than {MaxPattern} characters; {form}";
        if (pattern.Any(char.IsControl))
            return $"holds a control character; {form}";
        if (pattern[0] == '/')
            return $"\"{pattern}\" is absolute; {form}";
        var parts = (pattern[^1] == '/' ? pattern[..^1] : pattern).Split('/');
        if (parts.Contains(".."))
            return $"\"{pattern}\" holds ..; {form}";
        return parts.Any(p => p is "" or ".") ? $"\"{pattern}\" holds an empty part or a dot; {form}" : null;
    }
}
