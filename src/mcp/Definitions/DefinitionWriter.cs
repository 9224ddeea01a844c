using System.Globalization;
using System.Text;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using Mcp.Toml;
using Mcp.V1;

namespace Mcp.Definitions;

/// <summary>Spec → TOML text that reads back to an equal spec; defaults are left out, keys stand in the order of the contract.</summary>
internal static class DefinitionWriter
{
    /// <summary>A list on one line up to here; longer ones get a line an entry.</summary>
    private const int MaxLine = 100;

    /// <summary>The definition file of <paramref name="spec"/>, environment values included.</summary>
    public static string Write(ServiceSpec spec)
    {
        spec = SpecBuilder.Complete(spec);
        var text = new StringBuilder();
        Text(text, "name", spec.Name);
        Text(text, "tier", spec.Tier, spec.Node.Length > 0 ? SpecDefaults.Tier : "");
        Text(text, "node", spec.Node);
        if (!spec.Active)
            Line(text, "active", "false");
        List(text, "allow_host_paths", spec.AllowHostPaths);
        if (spec.Snapshot is { } snapshot)
        {
            text.Append("\n[snapshot]\n");
            Text(text, "method", snapshot.Method);
            List(text, "exclude", snapshot.Excludes);
            Text(text, "component", snapshot.Component, SpecDefaults.SnapshotComponent(spec));
        }
        foreach (var component in spec.Components)
            Write(text, component);
        return text.ToString();
    }

    private static void Write(StringBuilder text, ComponentSpec component)
    {
        text.Append("\n[[components]]\n");
        Text(text, "name", component.Name);
        Text(text, "image", component.Image);
        Text(text, "network", component.Network);
        Text(text, "user", component.User);
        Text(text, "restart", component.Restart, SpecDefaults.Restart);
        List(text, "ports", component.Ports);
        List(text, "volumes", component.Volumes);
        List(text, "scratch", component.Scratch);
        List(text, "cmd", component.Cmd);
        List(text, "env", component.Env);
        List(text, "env_files", component.EnvFiles);
        if (component.Health is { } health)
        {
            text.Append("\n[components.health]\n");
            Text(text, "type", health.Type);
            Number(text, "port", health.Port == SpecDefaults.HealthPort(component) ? 0 : health.Port);
            Text(text, "path", health.Path, health.Type == "http" ? SpecDefaults.HealthPath : "");
            List(text, "cmd", health.Cmd);
            Duration(text, "interval", health.Interval, SpecDefaults.HealthInterval);
            Duration(text, "timeout", health.Timeout, SpecDefaults.HealthTimeout);
        }
        foreach (var route in component.Routes)
            Write(text, route);
    }

    private static void Write(StringBuilder text, RouteSpec route)
    {
        text.Append("\n[[components.routes]]\n");
        Text(text, "name", route.Name);
        Number(text, "port", route.Port);
        Text(text, "mode", route.Mode);
        Number(text, "container_port", route.ContainerPort);
        Text(text, "hostname", route.Hostname);
        if (route.Public)
            Line(text, "public", "true");
        if (route.BackendTls)
            Line(text, "backend_tls", "true");
    }

    private static void Line(StringBuilder text, string key, string value) => text.Append(key).Append(" = ").Append(value).Append('\n');

    private static void Text(StringBuilder text, string key, string value, string standard = "")
    {
        if (value.Length > 0 && value != standard)
            Line(text, key, TomlQuote.Of(value));
    }

    private static void Number(StringBuilder text, string key, uint value)
    {
        if (value != 0)
            Line(text, key, value.ToString(CultureInfo.InvariantCulture));
    }

    private static void Duration(StringBuilder text, string key, Duration value, Duration standard)
    {
        if (!value.Equals(standard))
            Line(text, key, TomlQuote.Of(DurationText.Write(value.ToTimeSpan())));
    }

    private static void List(StringBuilder text, string key, RepeatedField<string> values)
    {
        if (values.Count == 0)
            return;
        var quoted = values.Select(TomlQuote.Of).ToList();
        var line = $"[{string.Join(", ", quoted)}]";
        Line(text, key, key.Length + line.Length + 3 <= MaxLine ? line : $"[\n{string.Concat(quoted.Select(q => $"  {q},\n"))}]");
    }
}
