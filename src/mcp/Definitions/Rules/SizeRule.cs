using Google.Protobuf.Collections;
using Mcp.V1;

namespace Mcp.Definitions.Rules;

/// <summary>
/// Bounds of counts and lengths, and no NUL anywhere: a spec comes over the wire too, every other rule takes its time from these, and a NUL ends
/// a path or a variable for the kernel where it does not for us.
/// </summary>
internal static class SizeRule
{
    private const int MaxComponents = 32;
    private const int MaxRoutes = 32;
    private const int MaxItems = 1024;

    /// <summary>Linux allows one argument or variable of 128 KiB (MAX_ARG_STRLEN).</summary>
    private const int MaxText = 128 * 1024 - 1;

    public static void Check(ServiceSpec spec, SpecProblems problems)
    {
        Length("name", spec.Name, problems);
        Length("node", spec.Node, problems);
        Length("tier", spec.Tier, problems);
        List("allow_host_paths", spec.AllowHostPaths, problems);
        if (spec.Snapshot is { } snapshot)
        {
            Length("snapshot.method", snapshot.Method, problems);
            Length("snapshot.component", snapshot.Component, problems);
            List("snapshot.exclude", snapshot.Excludes, problems);
        }
        Count("components", spec.Components.Count, MaxComponents, problems);
        for (var i = 0; i < Math.Min(spec.Components.Count, MaxComponents); i++)
            Check(spec.Components[i], $"components[{i}]", problems);
    }

    private static void Check(ComponentSpec component, string key, SpecProblems problems)
    {
        Length($"{key}.name", component.Name, problems);
        Length($"{key}.image", component.Image, problems);
        Length($"{key}.network", component.Network, problems);
        Length($"{key}.user", component.User, problems);
        Length($"{key}.restart", component.Restart, problems);
        List($"{key}.ports", component.Ports, problems);
        List($"{key}.volumes", component.Volumes, problems);
        List($"{key}.scratch", component.Scratch, problems);
        List($"{key}.cmd", component.Cmd, problems);
        List($"{key}.env", component.Env, problems);
        List($"{key}.env_files", component.EnvFiles, problems);
        if (component.Health is { } health)
        {
            Length($"{key}.health.type", health.Type, problems);
            Length($"{key}.health.path", health.Path, problems);
            List($"{key}.health.cmd", health.Cmd, problems);
        }
        Count($"{key}.routes", component.Routes.Count, MaxRoutes, problems);
        for (var i = 0; i < Math.Min(component.Routes.Count, MaxRoutes); i++)
        {
            var route = component.Routes[i];
            Length($"{key}.routes[{i}].name", route.Name, problems);
            Length($"{key}.routes[{i}].mode", route.Mode, problems);
            Length($"{key}.routes[{i}].hostname", route.Hostname, problems);
        }
    }

    private static void List(string key, RepeatedField<string> items, SpecProblems problems)
    {
        Count(key, items.Count, MaxItems, problems);
        for (var i = 0; i < Math.Min(items.Count, MaxItems); i++)
            Length($"{key}[{i}]", items[i], problems);
    }

    private static void Count(string key, int count, int max, SpecProblems problems)
    {
        if (count > max)
            problems.Add(key, $"has {count} entries; at most {max} are allowed");
    }

    private static void Length(string key, string text, SpecProblems problems)
    {
        if (text.Length > MaxText)
            problems.Add(key, $"has {text.Length} characters; at most {MaxText} are allowed");
        else if (text.Contains('\0'))
            problems.Add(key, "holds a NUL character");
    }
}
