using Google.Protobuf;
using Mcp.V1;

namespace Mcp.Definitions;

/// <summary>
/// Fields of a received spec that this program does not know: a newer caller sent them. Protobuf keeps them beside the known ones, so they can be
/// named when the hashes differ. Field numbers are all that is known of them.
/// </summary>
internal static class UnknownFields
{
    /// <summary>Where each lies, as <c>components[notes].routes[web] field 8</c>; empty when everything is known.</summary>
    public static IReadOnlyList<string> In(ServiceSpec spec)
    {
        var found = new List<string>();
        Scan(spec, ServiceSpec.AllowHostPathsFieldNumber, "", found);
        if (spec.Snapshot is { } snapshot)
            Scan(snapshot, SnapshotConfig.ComponentFieldNumber, "snapshot ", found);
        foreach (var component in spec.Components)
        {
            var path = $"components[{component.Name}]";
            Scan(component, ComponentSpec.ScratchFieldNumber, $"{path} ", found);
            if (component.Health is { } health)
                Scan(health, HealthSpec.CmdFieldNumber, $"{path}.health ", found);
            foreach (var route in component.Routes)
                Scan(route, RouteSpec.BackendTlsFieldNumber, $"{path}.routes[{route.Name}] ", found);
        }
        return found;
    }

    // The numbers of every message are 1 to its last one, without gaps (a test compares them with the descriptors).
    private static void Scan(IMessage message, int lastKnown, string path, List<string> found)
    {
        var input = new CodedInputStream(message.ToByteArray());
        for (var tag = input.ReadTag(); tag != 0; tag = input.ReadTag())
        {
            if (WireFormat.GetTagFieldNumber(tag) is var number && number > lastKnown && !found.Contains($"{path}field {number}"))
                found.Add($"{path}field {number}");
            input.SkipLastField();
        }
    }
}
