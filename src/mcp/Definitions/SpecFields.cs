using System.Globalization;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using Mcp.V1;

namespace Mcp.Definitions;

/// <summary>One field of a spec that is not at its default.</summary>
/// <param name="Path"><c>components.notes.image</c>.</param>
/// <param name="Values">One value, or the entries of a list.</param>
/// <param name="IsList">Whether the field is a list.</param>
internal sealed record SpecField(string Path, IReadOnlyList<string> Values, bool IsList);

/// <summary>
/// A spec as a flat list of the fields that this version knows, in a fixed order, without those at their default. The service's hash and the
/// difference of two specs are both made of it, so what one sees the other sees. Written out by hand and not by protobuf's own serialization,
/// which keeps fields that this version does not understand: exactly those must not be in the hash (contract §3, the field an old agent drops).
/// </summary>
internal static class SpecFields
{
    /// <summary>The fields of a service; left-out defaults and written ones give the same list.</summary>
    public static IReadOnlyList<SpecField> Of(ServiceSpec service)
    {
        service = SpecBuilder.Complete(service);
        var fields = new List<SpecField>();
        Text(fields, "name", service.Name);
        if (!service.Active)
            Text(fields, "active", "false");
        Text(fields, "tier", service.Tier, SpecDefaults.Tier);
        Text(fields, "node", service.Node);
        List(fields, "allow_host_paths", service.AllowHostPaths);
        if (service.Snapshot is { } snapshot)
        {
            Text(fields, "snapshot.method", snapshot.Method);
            List(fields, "snapshot.exclude", snapshot.Excludes);
            Text(fields, "snapshot.component", snapshot.Component, SpecDefaults.SnapshotComponent(service));
        }
        // The names in their order: a component that moved, came or went shows here.
        List(fields, "components", [.. service.Components.Select(c => c.Name)]);
        foreach (var component in service.Components)
            Add(fields, component, $"components.{component.Name}");
        return fields;
    }

    /// <summary>A duration as seconds with nine digits after the point; also for one that is not valid.</summary>
    public static string Text(Duration duration) =>
        string.Create(CultureInfo.InvariantCulture, $"{duration.Seconds}.{duration.Nanos:D9}s");

    private static void Add(List<SpecField> fields, ComponentSpec component, string path)
    {
        Text(fields, $"{path}.image", component.Image);
        Text(fields, $"{path}.network", component.Network);
        Text(fields, $"{path}.user", component.User);
        Text(fields, $"{path}.restart", component.Restart, SpecDefaults.Restart);
        List(fields, $"{path}.ports", component.Ports);
        List(fields, $"{path}.volumes", component.Volumes);
        List(fields, $"{path}.scratch", component.Scratch);
        List(fields, $"{path}.cmd", component.Cmd);
        List(fields, $"{path}.env", component.Env);
        List(fields, $"{path}.env_files", component.EnvFiles);
        if (component.Health is { } health)
        {
            Text(fields, $"{path}.health.type", health.Type);
            Number(fields, $"{path}.health.port", health.Port);
            Text(fields, $"{path}.health.path", health.Path);
            Text(fields, $"{path}.health.interval", Text(health.Interval));
            Text(fields, $"{path}.health.timeout", Text(health.Timeout));
            List(fields, $"{path}.health.cmd", health.Cmd);
        }
        List(fields, $"{path}.routes", [.. component.Routes.Select(r => r.Name)]);
        foreach (var route in component.Routes)
            Add(fields, route, $"{path}.routes.{route.Name}");
    }

    private static void Add(List<SpecField> fields, RouteSpec route, string path)
    {
        Number(fields, $"{path}.port", route.Port);
        Text(fields, $"{path}.mode", route.Mode);
        Text(fields, $"{path}.hostname", route.Hostname);
        Number(fields, $"{path}.container_port", route.ContainerPort);
        if (route.Public)
            Text(fields, $"{path}.public", "true");
        if (route.BackendTls)
            Text(fields, $"{path}.backend_tls", "true");
    }

    private static void Text(List<SpecField> fields, string path, string value, string standard = "")
    {
        if (value.Length > 0 && value != standard)
            fields.Add(new SpecField(path, [value], IsList: false));
    }

    private static void Number(List<SpecField> fields, string path, uint value)
    {
        if (value != 0)
            Text(fields, path, value.ToString(CultureInfo.InvariantCulture));
    }

    private static void List(List<SpecField> fields, string path, RepeatedField<string> values)
    {
        if (values.Count > 0)
            fields.Add(new SpecField(path, values, IsList: true));
    }
}
