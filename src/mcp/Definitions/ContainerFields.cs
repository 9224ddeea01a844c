using System.Globalization;
using Mcp.V1;

namespace Mcp.Definitions;

/// <summary>
/// What a container is made of, and nothing else (contract §6): a difference here is the reason to make a new container. Routes are in it only
/// by what reaches the container, the published port or the variable that tells it; health, snapshot, hostnames, listeners and policy are not.
/// Lists whose order means nothing to podman are sorted, so that moving a line in the file stops no service; <c>cmd</c> and <c>env_files</c>
/// (the later file wins) keep theirs.
///
/// A new field goes at the end and is left out at its default: otherwise every container of every fleet would be replaced by an upgrade.
/// </summary>
internal static class ContainerFields
{
    /// <summary>The fields of one component's container in canonical order, without those at their default.</summary>
    public static IReadOnlyList<SpecField> Of(ServiceSpec service, ComponentSpec component)
    {
        // Defaults are filled by the service, so the component is found again in the completed copy; one that is not part of it is completed alone.
        var place = service.Components.IndexOf(component);
        component = place >= 0
            ? SpecBuilder.Complete(service).Components[place]
            : SpecBuilder.Complete(new ServiceSpec { Name = service.Name, Components = { component } }).Components[0];
        var fields = new List<SpecField>();
        Add(fields, "name", ContainerName.Of(service.Name, component.Name));
        Add(fields, "image", component.Image);
        Add(fields, "network", component.Network);
        Add(fields, "user", component.User);
        if (component.Restart != SpecDefaults.Restart)
            Add(fields, "restart", component.Restart);
        Add(fields, "ports", Sorted(component.Ports));
        Add(fields, "volumes", Sorted(component.Volumes));
        Add(fields, "scratch", Sorted(component.Scratch));
        Add(fields, "cmd", [.. component.Cmd]);
        Add(fields, "env", Sorted(component.Env));
        Add(fields, "env_files", [.. component.EnvFiles]);
        // The host port behind a route belongs to its name, so a renamed route is another port.
        Add(fields, "routes", Sorted(component.Routes.Select(r => string.Create(
            CultureInfo.InvariantCulture, $"{r.Name}={PortVariable.Of(component, r) ?? $"{r.ContainerPort}"}"))));
        return fields;
    }

    private static List<string> Sorted(IEnumerable<string> values) => [.. values.Order(StringComparer.Ordinal)];

    private static void Add(List<SpecField> fields, string path, string value)
    {
        if (value.Length > 0)
            fields.Add(new SpecField(path, [value], IsList: false));
    }

    private static void Add(List<SpecField> fields, string path, List<string> values)
    {
        if (values.Count > 0)
            fields.Add(new SpecField(path, values, IsList: true));
    }
}
