using Google.Protobuf.WellKnownTypes;
using Mcp.V1;

namespace Mcp.Definitions;

/// <summary>Definition → spec. Defaults are filled here and nowhere else; what is wrong in itself stays as it is, for the rules to say.</summary>
internal static class SpecBuilder
{
    /// <summary>The spec of a definition, with every default filled.</summary>
    public static ServiceSpec Build(ServiceDefinition definition)
    {
        var spec = new ServiceSpec
        {
            Name = definition.Name,
            Active = definition.Active ?? true,
            Tier = definition.Tier ?? "",
            Node = definition.Node ?? "",
            Snapshot = definition.Snapshot is { } snapshot ? Map(snapshot) : null,
        };
        spec.AllowHostPaths.Add(definition.AllowHostPaths);
        spec.Components.Add(definition.Components.Select(Map));
        Fill(spec);
        return spec;
    }

    /// <summary>
    /// A copy of a spec that came over the wire with every default filled; master and agent work only with this. A spec of ours is complete
    /// already and comes back equal. The hash of both is the same.
    /// </summary>
    public static ServiceSpec Complete(ServiceSpec spec)
    {
        var copy = spec.Clone();
        Fill(copy);
        return copy;
    }

    private static void Fill(ServiceSpec spec)
    {
        if (spec.Tier.Length == 0)
            spec.Tier = SpecDefaults.Tier;
        if (spec.Snapshot is { Method: "", Excludes.Count: 0, Component: "" })
            spec.Snapshot = null;
        if (spec.Snapshot is { Component: "" })
            spec.Snapshot.Component = SpecDefaults.SnapshotComponent(spec);
        foreach (var component in spec.Components)
            Fill(component);
    }

    private static void Fill(ComponentSpec component)
    {
        if (component.Restart.Length == 0)
            component.Restart = SpecDefaults.Restart;
        for (var i = 0; i < component.Ports.Count; i++)
        {
            if (PortMapping.TryParse(component.Ports[i], out var port, out _))
                component.Ports[i] = port.ToString();
        }
        for (var i = 0; i < component.Volumes.Count; i++)
        {
            if (VolumeMount.TryParse(component.Volumes[i], out var volume, out _))
                component.Volumes[i] = volume.ToString();
        }
        if (component.Routes is [{ Name: "" } only])
            only.Name = SpecDefaults.RouteName;
        if (component.Health is not { } health)
            return;
        health.Interval ??= SpecDefaults.HealthInterval.Clone();
        health.Timeout ??= SpecDefaults.HealthTimeout.Clone();
        if (health is { Type: "http", Path: "" })
            health.Path = SpecDefaults.HealthPath;
        if (health.Port == 0)
            health.Port = SpecDefaults.HealthPort(component);
    }

    private static SnapshotConfig Map(SnapshotDefinition definition)
    {
        var snapshot = new SnapshotConfig { Method = definition.Method ?? "", Component = definition.Component ?? "" };
        snapshot.Excludes.Add(definition.Exclude);
        return snapshot;
    }

    private static ComponentSpec Map(ComponentDefinition definition)
    {
        var component = new ComponentSpec
        {
            Name = definition.Name,
            Image = definition.Image,
            Network = definition.Network ?? "",
            User = definition.User ?? "",
            Restart = definition.Restart ?? "",
            Health = definition.Health is { } health ? Map(health) : null,
        };
        component.Ports.Add(definition.Ports);
        component.Volumes.Add(definition.Volumes);
        component.Scratch.Add(definition.Scratch);
        component.Cmd.Add(definition.Cmd);
        component.Env.Add(definition.Env);
        component.EnvFiles.Add(definition.EnvFiles);
        component.Routes.Add(definition.Routes.Select(Map));
        return component;
    }

    private static HealthSpec Map(HealthDefinition definition)
    {
        var health = new HealthSpec
        {
            Type = definition.Type ?? "",
            Port = (uint)(definition.Port ?? 0),
            Path = definition.Path ?? "",
            Interval = definition.Interval is { } interval ? Duration.FromTimeSpan(interval) : null,
            Timeout = definition.Timeout is { } timeout ? Duration.FromTimeSpan(timeout) : null,
        };
        health.Cmd.Add(definition.Cmd);
        return health;
    }

    private static RouteSpec Map(RouteDefinition definition) => new()
    {
        Name = definition.Name ?? "",
        Port = (uint)(definition.Port ?? 0),
        Mode = definition.Mode ?? "",
        Hostname = definition.Hostname ?? "",
        Public = definition.Public ?? false,
        ContainerPort = (uint)(definition.ContainerPort ?? 0),
        BackendTls = definition.BackendTls ?? false,
    };
}
