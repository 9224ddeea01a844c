using Google.Protobuf;
using Google.Protobuf.Reflection;
using Mcp.Definitions;
using Mcp.V1;

namespace Mcp.Tests.Definitions;

public class UnknownFieldsTests
{
    // Field 99, a varint of 1: what a newer caller might add.
    private static readonly byte[] Field99 = [0x98, 0x06, 0x01];

    [Test]
    public async Task A_known_spec_has_none() => await Assert.That(UnknownFields.In(Spec())).IsEmpty();

    [Test]
    public async Task A_newer_field_is_named_where_it_lies()
    {
        var spec = ServiceSpec.Parser.ParseFrom([.. Spec().ToByteArray(), .. Field99]);
        spec.Components[0].Routes[0] = RouteSpec.Parser.ParseFrom([.. spec.Components[0].Routes[0].ToByteArray(), .. Field99]);
        await Assert.That(UnknownFields.In(spec)).IsEquivalentTo(["field 99", "components[notes].routes[web] field 99"]);
    }

    [Test]
    public async Task A_completed_copy_still_carries_them()
    {
        var spec = ServiceSpec.Parser.ParseFrom([.. Spec().ToByteArray(), .. Field99]);
        await Assert.That(UnknownFields.In(SpecBuilder.Complete(spec))).IsEquivalentTo(["field 99"]);
    }

    [Test]
    public async Task Every_field_of_the_descriptors_is_known()
    {
        foreach (var (message, last) in new (MessageDescriptor, int)[]
        {
            (ServiceSpec.Descriptor, ServiceSpec.AllowHostPathsFieldNumber), (SnapshotConfig.Descriptor, SnapshotConfig.ComponentFieldNumber),
            (ComponentSpec.Descriptor, ComponentSpec.ScratchFieldNumber), (HealthSpec.Descriptor, HealthSpec.CmdFieldNumber),
            (RouteSpec.Descriptor, RouteSpec.BackendTlsFieldNumber),
        })
        {
            await Assert.That(message.Fields.InFieldNumberOrder().Select(f => f.FieldNumber)).IsEquivalentTo(Enumerable.Range(1, last)).Because(message.Name);
        }
    }

    private static ServiceSpec Spec() => new()
    {
        Name = "notes",
        Components = { new ComponentSpec { Name = "notes", Image = "x:1", Routes = { new RouteSpec { Name = "web", Port = 8443, Mode = "l4" } } } },
    };
}
