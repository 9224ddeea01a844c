using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Mcp.Definitions;
using Mcp.V1;

namespace Mcp.Tests.Definitions;

/// <summary>
/// Every field survives TOML → definition → spec → database → spec → TOML → spec. A dropped flag once meant that edge routing silently never ran.
/// </summary>
internal sealed class RoundTripTests
{
    private const int Rounds = 300;

    [Test]
    public async Task Every_field_survives_the_whole_way()
    {
        var generator = new SpecGenerator(20260401);
        for (var round = 0; round < Rounds; round++)
        {
            var spec = generator.Next();
            var toml = DefinitionWriter.Write(spec);
            var result = DefinitionReader.Read("f.toml", toml);
            if (result.Problems.Count > 0)
                Assert.Fail($"round {round}: {string.Join("\n", result.Problems)}\n{toml}");
            var read = result.RequireSpec();
            // The databases hold the bytes of the message.
            var stored = ServiceSpec.Parser.ParseFrom(read.ToByteArray());
            var written = DefinitionWriter.Write(stored);
            var again = DefinitionReader.Read("f.toml", written).RequireSpec();

            await Assert.That(read).IsEqualTo(spec);
            await Assert.That(again).IsEqualTo(spec);
            await Assert.That(written).IsEqualTo(toml);
            await Assert.That(SpecBuilder.Complete(spec)).IsEqualTo(spec);
            await Assert.That(SpecHash.OfService(again)).IsEqualTo(SpecHash.OfService(spec));
            await Assert.That(SpecDifference.Between(spec, again)).IsEmpty();
        }
        await Assert.That(AllFields().Where(f => !generator.Used.Contains(f))).IsEmpty();
    }

    [Test]
    public async Task Every_field_is_in_the_hash_and_in_the_difference()
    {
        var generator = new SpecGenerator(7);
        var seen = new HashSet<string>();
        var missed = new HashSet<string>();
        for (var round = 0; round < 60; round++)
        {
            var spec = generator.Next();
            foreach (var (field, changed) in Mutations(spec))
            {
                seen.Add(field);
                if (SpecHash.OfService(changed) == SpecHash.OfService(spec) || SpecDifference.Between(spec, changed).Count == 0)
                    missed.Add(field);
            }
        }
        await Assert.That(missed).IsEmpty();
        await Assert.That(AllFields().Where(f => !seen.Contains(f))).IsEmpty();
    }

    /// <summary>The spec with one field changed, for each field that can be changed.</summary>
    internal static IEnumerable<(string Field, ServiceSpec Changed)> Mutations(ServiceSpec spec)
    {
        foreach (var path in Paths(spec, []))
        {
            var copy = spec.Clone();
            IMessage message = copy;
            foreach (var (step, index) in path.Steps)
                message = step.IsRepeated ? (IMessage)((System.Collections.IList)step.Accessor.GetValue(message))[index]! : (IMessage)step.Accessor.GetValue(message);
            var field = path.Field;
            switch (field.Accessor.GetValue(message))
            {
                case System.Collections.IList list when list.Count > 0:
                    list.RemoveAt(0);
                    break;
                case System.Collections.IList list when field.FieldType == FieldType.String:
                    list.Add("KEY=added");
                    break;
                case string text:
                    field.Accessor.SetValue(message, text + "x");
                    break;
                case bool truth:
                    field.Accessor.SetValue(message, !truth);
                    break;
                case uint number:
                    field.Accessor.SetValue(message, number + 1);
                    break;
                case Duration duration:
                    field.Accessor.SetValue(message, new Duration { Seconds = duration.Seconds + 1, Nanos = duration.Nanos });
                    break;
                case IMessage:
                    field.Accessor.Clear(message);
                    break;
                default:
                    continue;
            }
            yield return ($"{field.ContainingType.Name}.{field.Name}", copy);
        }
    }

    private sealed record FieldPath(IReadOnlyList<(FieldDescriptor Step, int Index)> Steps, FieldDescriptor Field);

    private static IEnumerable<FieldPath> Paths(IMessage message, IReadOnlyList<(FieldDescriptor, int)> steps)
    {
        foreach (var field in message.Descriptor.Fields.InFieldNumberOrder())
        {
            yield return new FieldPath(steps, field);
            if (field.FieldType != FieldType.Message || field.MessageType == Duration.Descriptor || field.Accessor.GetValue(message) is not { } value)
                continue;
            var inner = value is System.Collections.IList list ? list.Cast<IMessage>().ToList() : [(IMessage)value];
            for (var i = 0; i < inner.Count; i++)
            {
                foreach (var path in Paths(inner[i], [.. steps, (field, i)]))
                    yield return path;
            }
        }
    }

    private static IEnumerable<string> AllFields()
    {
        var open = new Queue<MessageDescriptor>([ServiceSpec.Descriptor]);
        var done = new HashSet<string>();
        while (open.TryDequeue(out var message))
        {
            if (message == Duration.Descriptor || !done.Add(message.Name))
                continue;
            foreach (var field in message.Fields.InFieldNumberOrder())
            {
                yield return $"{message.Name}.{field.Name}";
                if (field.FieldType == FieldType.Message)
                    open.Enqueue(field.MessageType);
            }
        }
    }
}
